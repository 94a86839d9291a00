"""How a transaction of PostgreSQL begins and ends, and when it is tried again."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.postgresql_errors import TROUBLE, TryAgain, as_refusal, of_commit, too_slow

T = TypeVar("T")

_TRIES = 6
_FIRST_PAUSE_S = 0.01


@asynccontextmanager
async def begun(connection: Any, begin: str) -> AsyncIterator[None]:
    """Begin; roll back whatever goes wrong inside. Ending well is left to the caller."""
    try:
        await connection.execute(begin)
        yield
    except TROUBLE as error:
        await rolled_back(connection)
        raise as_refusal(error) from error
    except BaseException:
        await rolled_back(connection)
        raise


async def committed(connection: Any) -> None:
    """Commit. Raises StorageUnavailable where nobody can tell whether that came through."""
    if connection.is_closed():
        raise TryAgain(StorageUnavailable())
    try:
        ended = await connection.execute("commit")
    except TROUBLE as error:
        _dropped(connection)
        raise of_commit(error) from error
    if ended != "COMMIT":
        raise RuntimeError("work went on after one of its statements had failed: nothing was stored")


async def rolled_back(connection: Any) -> None:
    """Roll back; a connection that can't is dropped."""
    try:
        await connection.execute("rollback")
    except TROUBLE:
        _dropped(connection)


def _dropped(connection: Any) -> None:
    with suppress(*TROUBLE):  # lost connections leave the pool by themselves
        connection.terminate()


async def told(connection: Any, sql: str, *values: Any, is_prepared: bool) -> Any:
    """Return the one value that a statement returns."""
    if is_prepared:
        return await connection.fetchval(sql, *values)
    # Two trips, which have to meet the same connection behind PgBouncer.
    async with connection.transaction(readonly=True):
        return await connection.fetchval(sql, *values)


@contextmanager
def too_slow_beyond(within_s: int | None) -> Iterator[None]:
    """Raise InvalidValue for what took longer than it may, None for ever."""
    try:
        yield
    except TimeoutError:
        raise too_slow() from None
    except StorageUnavailable as refusal:
        if within_s is not None and isinstance(refusal.__cause__, asyncpg.QueryCanceledError):
            raise too_slow() from None
        raise


async def tried(attempt: Callable[[], Awaitable[T]]) -> T:
    """Run `attempt`, again with growing pauses while it comes to nothing by no fault of its own."""
    for number in range(_TRIES - 1):
        try:
            return await attempt()
        except TryAgain:
            share = random.uniform(0.5, 1.5)  # noqa: S311 - only lest all try again at once
            await asyncio.sleep(_FIRST_PAUSE_S * 2**number * share)
    try:
        return await attempt()
    except TryAgain as error:
        raise error.refusal from error
