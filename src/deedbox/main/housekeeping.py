"""Runs housekeeping beside the server: a bite, a pause, and a long pause after each round."""

import asyncio
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

_log = structlog.get_logger(__name__)


async def keep_house(storage: Storage) -> None:
    """Delete what has expired, and what ended deeds left behind, until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_sweep(storage))
        tasks.create_task(_erase_values(storage))


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
