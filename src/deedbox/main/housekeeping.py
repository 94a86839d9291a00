"""Scheduled work on the database: a bite, a pause, and so on, on one node at a time.

What belongs to a node's own memory is not here. Everything here has to be right when two nodes do it at once:
the lease keeps them from it but for rare moments.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from deedbox.cluster.rpc import CommandExchange
from deedbox.core.errors import StorageUnavailable
from deedbox.core.housekeeping import FIRST, Swept, sweep
from deedbox.core.leases import SCHEDULED_WORK
from deedbox.core.retention import Records, Retired, retire_events, retire_records
from deedbox.core.storage import Storage, Stores
from deedbox.core.value_erasure import erase, is_due
from deedbox.main.leasing import Leasing
from deedbox.main.mailing import Mailing
from deedbox.main.parts import Parts
from deedbox.main.series_keeping import SeriesKeeping

_ROWS = 500
_BETWEEN_BITES_S = 0.25
#: Where every claim leaves a row, as many as there are claims have to go.
_BETWEEN_BITES_OF_MANY_S = 0.05
_BETWEEN_ROUNDS_S = 600.0
_BETWEEN_LOOKS_S = 5.0
_BETWEEN_TIME_OUTS_S = 1.0
_AFTER_TROUBLE_S = 5.0
_AFTER_MISTAKES_S = 60.0

_log = structlog.get_logger(__name__)


class ScheduledWork(NamedTuple):
    """Something to do again and again. `bite` does a little of it; returns after how many seconds to go on.

    What it raises is logged, and it is called again later.
    """

    name: str
    bite: Callable[[], Awaitable[float]]


def scheduled_works(parts: Parts) -> tuple[ScheduledWork, ...]:
    """Return all that is done on schedule."""
    kept = parts.settings.retention
    mail = (ScheduledWork("mail", Mailing(parts).bite),) if parts.postbox.is_open else ()
    return (
        *mail,
        ScheduledWork("expired rows", _Sweeping(parts).bite),
        ScheduledWork("values of ended deeds", partial(_erase_values, parts.storage)),
        ScheduledWork("overdue commands", partial(_time_out_commands, parts.exchange)),
        ScheduledWork("old audit entries", _Retiring(parts, Records.AUDIT_ENTRIES, kept.audit_days).bite),
        ScheduledWork(
            "old steps of the ledger", _Retiring(parts, Records.LEDGER_ROWS, kept.ledger_days).bite
        ),
        ScheduledWork("old events", partial(_retire_events, parts)),
        ScheduledWork("time series", SeriesKeeping(parts).bite),
    )


async def keep_house(
    storage: Storage, works: Sequence[ScheduledWork], observe: Callable[[bool], None]
) -> None:
    """Do the works while this process holds the lease, until cancelled; `observe` hears whether it does.

    Where no other process can be, there is no lease: renewing it would wear out a disk while nothing happens.
    """
    if storage.is_shared:
        await Leasing(storage, SCHEDULED_WORK, observe).while_held(partial(_do_all, works))
    else:
        observe(True)
        await _do_all(works)


async def _do_all(works: Sequence[ScheduledWork]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(_keep_doing(work))


async def _keep_doing(work: ScheduledWork) -> None:
    while True:
        try:
            pause_s = await work.bite()
        except StorageUnavailable as trouble:
            _log.warning("scheduled work waits for the database", work=work.name, error=trouble.message)
            pause_s = _AFTER_TROUBLE_S
        except Exception:
            _log.exception("scheduled work failed", work=work.name)
            pause_s = _AFTER_MISTAKES_S
        await asyncio.sleep(pause_s)


class _Sweeping:
    """Deletes expired rows; remembers where the next bite goes on."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._after = FIRST

    async def bite(self) -> float:
        async def work(stores: Stores) -> Swept:
            return await sweep(stores.housekeeping, self._after, _ROWS, kept.commands_days)

        kept = self._parts.settings.retention

        swept = await self._parts.storage.write(work)
        for kind, count in swept.deleted.items():
            _count(self._parts, kind, count)
        self._after = swept.after or FIRST
        return _BETWEEN_ROUNDS_S if swept.after is None else _BETWEEN_BITES_S


class _Retiring:
    """Deletes records that are older than so many days, 0 for none; remembers where the next bite goes on."""

    def __init__(self, parts: Parts, records: Records, kept_days: int) -> None:
        self._parts = parts
        self._records = records
        self._kept_days = kept_days
        self._after = FIRST

    async def bite(self) -> float:
        async def work(stores: Stores) -> Retired:
            return await retire_records(stores.retention, self._records, self._kept_days, self._after, _ROWS)

        if not self._kept_days:
            return _BETWEEN_ROUNDS_S
        retired = await self._parts.storage.write_beside(work)
        _count(self._parts, self._records, retired.deleted)
        self._after = retired.after or FIRST
        return _BETWEEN_ROUNDS_S if retired.after is None else _BETWEEN_BITES_OF_MANY_S


async def _retire_events(parts: Parts) -> float:
    kept_days = parts.settings.retention.events_days

    async def work(stores: Stores) -> Retired:
        return await retire_events(stores.retention, kept_days, _ROWS)

    if not kept_days:
        return _BETWEEN_ROUNDS_S
    retired = await parts.storage.write_beside(work)
    _count(parts, "events", retired.deleted)
    return _BETWEEN_ROUNDS_S if retired.after is None else _BETWEEN_BITES_OF_MANY_S


def _count(parts: Parts, kind: str, deleted: int) -> None:
    parts.metrics.deleted_rows.labels(kind).inc(deleted)


async def _erase_values(storage: Storage) -> float:
    async def look(stores: Stores) -> bool:
        return await is_due(stores.value_erasure)

    async def work(stores: Stores) -> bool:
        return await erase(stores.value_erasure, _ROWS)

    is_more = await storage.look(look) and await storage.write(work)
    return _BETWEEN_BITES_S if is_more else _BETWEEN_LOOKS_S


async def _time_out_commands(exchange: CommandExchange) -> float:
    await exchange.time_out()
    return _BETWEEN_TIME_OUTS_S
