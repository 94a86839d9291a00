"""Runs housekeeping beside the server: a bite, a pause, and a long pause after each round."""

import asyncio
from uuid import UUID

import structlog

from deedbox.core.errors import StorageUnavailable
from deedbox.core.housekeeping import FIRST, Swept, sweep
from deedbox.core.storage import Storage, Stores

_ROWS = 500
_BETWEEN_BITES_S = 0.25
_BETWEEN_ROUNDS_S = 600.0

_log = structlog.get_logger(__name__)


async def keep_house(storage: Storage) -> None:
    """Delete what has expired, until cancelled."""
    after = FIRST
    while True:
        swept = await _bite(storage, after)
        after = swept.after or FIRST
        await asyncio.sleep(_BETWEEN_ROUNDS_S if swept.after is None else _BETWEEN_BITES_S)


async def _bite(storage: Storage, after: UUID) -> Swept:
    async def work(stores: Stores) -> Swept:
        return await sweep(stores.housekeeping, after, _ROWS)

    try:
        return await storage.write(work)
    except StorageUnavailable:
        _log.warning("housekeeping waits: the database can't be written")
        return Swept(0, None)
