"""What every edge asks of a database: run work on its stores in one transaction; answer when it is stored."""

from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from deedbox.core.partitions import Partitions
from deedbox.core.stores import Stores as Stores  # noqa: PLC0414  # offered here

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")

Work = Callable[[Stores], Coroutine[Any, Any, T]]


class Storage(Protocol):
    """A database. Work is an async function that waits for nothing but its stores."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write to it at the same time."""
        ...

    @property
    def partitions(self) -> Partitions | None:
        """Tables of time series by their time, None where they are one table."""
        ...

    def now_ms(self) -> int:
        """Return the time in epoch milliseconds by the clock that all processes over this database go by.

        Asks nobody, and may be a few milliseconds late; inside of work ask the store.
        """
        ...

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a write transaction; return its answer once it is on the disk.

        No other `write` and no batch runs at the same time, on any node: what was read stays true until the
        end. Work may run more than once, until it comes through.
        """
        ...

    async def write_beside(self, work: Work[T], *, must_last: bool = True) -> T:
        """Run `work` as `write` does, but beside all others: for what is frequent.

        Each of its statements must be right by itself, or lock what it decides by. Without `must_last` a
        crash may undo what was answered shortly before: for what is done again then.
        """
        ...

    async def write_at_once(self, work: Work[T]) -> T:
        """Run `work`, which is a single statement, beside all others, with as few trips as may be.

        It must do no harm if it is stored twice: nobody knows what a connection took along that was lost.
        """
        ...

    async def read(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` on a snapshot, away from the event loop: for lists and histories.

        Raises InvalidValue when it takes longer than `within_s` seconds.
        """
        ...

    async def read_history(self, work: Work[T], within_s: int | None = None) -> T:
        """Run `work` as `read` does, maybe on a copy of the database: for what may be long.

        The copy has all that was stored before the call, so it is decided there as well who may see what.
        """
        ...

    async def look(self, work: Work[T]) -> T:
        """Run `work` at once: for look-ups of a few rows by key."""
        ...

    def batched(
        self, work: Callable[[Stores, Sequence[Q]], Coroutine[Any, Any, Sequence[A]]]
    ) -> Callable[[Q], Awaitable[A]]:
        """Return a function of one item; items that wait at the same time go to `work` together."""
        ...

    async def settle(self, device_ids: Collection[UUID]) -> None:
        """Bring what these devices have sent to where time series are read; to be awaited before reading."""
        ...
