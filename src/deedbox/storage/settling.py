"""Brings telemetry from the journal to where reads look; where that fails, readers see it nevertheless.

A full disk keeps SQLite from moving what was acknowledged, but not from reading it: the move is made in a
transaction that is never committed, and what the reader wants is read inside of it.
"""

from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, TypeVar, cast
from uuid import UUID

from deedbox.core import telemetry_journal
from deedbox.core.errors import StorageUnavailable
from deedbox.storage.group_commit import Job
from deedbox.storage.stores import Stores

T = TypeVar("T")
Settle = Callable[[Collection[UUID]], Awaitable[None]]


class _Rehearsed(Exception):
    """Ends a job so that nothing of it is kept; carries what was read."""

    def __init__(self, answer: Any) -> None:
        super().__init__("nothing of this is kept")
        self.answer = answer


async def nothing_to_settle(_: Collection[UUID]) -> None:
    """Do nothing: nobody fills the journal."""


class Settling:
    """Knows which devices' entries could not be moved when somebody wanted to read them."""

    def __init__(self) -> None:
        self.settle_by: Settle = nothing_to_settle
        self._unsettled: set[UUID] = set()

    @property
    def is_incomplete(self) -> bool:
        """Tell whether reads have to go through `read`."""
        return bool(self._unsettled)

    async def settle(self, device_ids: Collection[UUID]) -> None:
        """Move what these devices have sent, or remember that it could not be moved."""
        try:
            await self.settle_by(device_ids)
        except StorageUnavailable:
            self._unsettled.update(device_ids)
        else:
            self._unsettled.clear()

    async def read(
        self,
        work: Callable[[Stores], Coroutine[Any, Any, T]],
        submit: Callable[[Job], Awaitable[Any]],
    ) -> T:
        """Run `work` as if all had been moved. Raises StorageUnavailable when even that can't be done."""
        wanted = frozenset(self._unsettled)

        async def rehearse(stores: Stores) -> None:
            entries = [
                entry_id for entry_id, device_id in await stores.journal.index() if device_id in wanted
            ]
            await telemetry_journal.move(stores.journal, entries)
            raise _Rehearsed(await work(stores))

        try:
            await submit(Job(rehearse))
        except _Rehearsed as rehearsed:
            return cast(T, rehearsed.answer)
        raise StorageUnavailable
