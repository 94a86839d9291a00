"""Looks into a PostgreSQL database: is each device's ownership what its ledger, audit log and events say?

All of it is read in one snapshot, so it may be asked while servers are at work.
"""

from typing import Any

import asyncpg

_DEEDS = """
    select device_id, opened_epoch as epoch, 'opened' as change, id as deed_id, customer_id from deed
    union all
    select device_id, closed_epoch, 'closed', id, customer_id from deed where closed_epoch is not null
"""
_LEDGER = "select device_id, epoch, change, deed_id, customer_id from ownership_ledger"
_CHANGES = "select device_id, epoch from ownership_ledger"
_EVENTS = """
    select device_id, epoch from outbox_event
    where type in ('device.claimed', 'device.assigned', 'device.released')
"""
_AUDITS = """
    select entity_id, epoch from audit_entry
    where action in ('ASSIGNED_TO_CUSTOMER', 'UNASSIGNED_FROM_CUSTOMER')
"""
#: What must not be there, by what is wrong then; each asks for devices, or whoever it is wrong about.
_WRONG = {
    "two open deeds": """
        select device_id from deed where closed_at is null group by device_id having count(*) > 1
    """,
    "deeds that are not in the ledger": f"({_DEEDS}) except all ({_LEDGER})",
    "entries of the ledger without a deed": f"({_LEDGER}) except all ({_DEEDS})",
    "changes without an event": f"({_CHANGES}) except all ({_EVENTS})",
    "events without a change": f"({_EVENTS}) except all ({_CHANGES})",
    "changes without an audit entry": f"({_CHANGES}) except all ({_AUDITS})",
    "audit entries without a change": f"({_AUDITS}) except all ({_CHANGES})",
    "epochs without a change": """
        select device_id from device_state
        left join (
            select device_id, count(distinct epoch) as changes, max(epoch) as newest
            from ownership_ledger group by device_id
        ) as ledger using (device_id)
        where epoch <> coalesce(changes, 0) or epoch <> coalesce(newest, 0)
    """,
    "tallies of devices": """
        select customer_id from (
            select customer_id, count(*) as owned from deed where closed_at is null group by customer_id
        ) as counted
        left join tally on owner_id = customer_id and noun = 'device'
        where total is distinct from owned
    """,
}


async def unexplained(url: str) -> list[str]:
    """Name everything about ownership that does not add up; an empty list is good."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = {
                what: await connection.fetch(f"select * from ({sql}) as it") for what, sql in _WRONG.items()
            }
    finally:
        await connection.close()
    return [f"{what}: {[*map(tuple, rows[:5])]}" for what, rows in found.items() if rows]


async def asked(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows."""
    connection = await asyncpg.connect(url)
    try:
        return [tuple(it) for it in await connection.fetch(sql, *values)]
    finally:
        await connection.close()
