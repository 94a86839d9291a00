"""Runs housekeeping beside the server: a bite, a pause, and a long pause after each round."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from deedbox.core.errors import StorageUnavailable
from deedbox.core.housekeeping import FIRST, Swept, sweep
from deedbox.core.storage import Storage, Stores
from deedbox.core.value_erasure import erase, is_due

_ROWS = 500
_BETWEEN_BITES_S = 0.25
_BETWEEN_ROUNDS_S = 600.0
_BETWEEN_LOOKS_S = 5.0
_BETWEEN_TIME_OUTS_S = 1.0

_log = structlog.get_logger(__name__)


async def keep_house(storage: Storage, time_out: Callable[[], Awaitable[None]]) -> None:
    """Delete what has expired, and what ended deeds left behind, until cancelled.

    `time_out` lets steps of stored commands end that took too long.
    """
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_sweep(storage))
        tasks.create_task(_erase_values(storage))
        tasks.create_task(_time_out_commands(time_out))


async def _sweep(storage: Storage) -> None:
    after = FIRST
    while True:
        swept = await _bite(storage, after)
        after = swept.after or FIRST
        await asyncio.sleep(_BETWEEN_ROUNDS_S if swept.after is None else _BETWEEN_BITES_S)


async def _erase_values(storage: Storage) -> None:
    async def work(stores: Stores) -> bool:
        return await erase(stores.value_erasure, _ROWS)

    while True:
        try:
            due = await storage.look(_is_due) and await storage.write(work)
        except StorageUnavailable:
            due = False
        await asyncio.sleep(_BETWEEN_BITES_S if due else _BETWEEN_LOOKS_S)


async def _time_out_commands(time_out: Callable[[], Awaitable[None]]) -> None:
    while True:
        with contextlib.suppress(StorageUnavailable):
            await time_out()
        await asyncio.sleep(_BETWEEN_TIME_OUTS_S)


async def _is_due(stores: Stores) -> bool:
    return await is_due(stores.value_erasure)


async def _bite(storage: Storage, after: UUID) -> Swept:
    async def work(stores: Stores) -> Swept:
        return await sweep(stores.housekeeping, after, _ROWS)

    try:
        return await storage.write(work)
    except StorageUnavailable:
        _log.warning("housekeeping waits: the database can't be written")
        return Swept(0, None)
