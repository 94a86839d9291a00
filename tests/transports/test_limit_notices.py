"""Tenants hear that limits were reached: now and then, with how often, never for each message."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from deedbox.core.rates import Kind, Whose
from deedbox.testing.claim_scene import TENANT, ClaimScene
from deedbox.transports import limit_notices
from deedbox.transports.limit_notices import TOLD_EVERY_MS, LimitNotices
from tests.storage.sqlite_bench import SQLiteBench, new_database

DEVICE = (TENANT, Whose.DEVICE, Kind.MESSAGES)
SHARED = (TENANT, Whose.TENANT, Kind.CONNECTIONS)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    await ClaimScene(bench).prepare(1)
    yield bench
    await bench.close()


def told(sqlite: SQLiteBench) -> list[tuple[str, int, str]]:
    """What the outbox has, each once in the audit log, too."""
    rows = sqlite.sql("select data from outbox_event where type = 'tenant.limit_reached' order by id")
    entries = sqlite.sql("select data from audit_entry where action = 'LIMIT_REACHED' order by id")
    assert rows == entries
    found = [msgspec.json.decode(row[0]) for row in rows]
    return [(it["limit"], it["refused"], it["first"]) for it in found]


async def test_once_an_hour_for_each_limit_with_how_often(sqlite: SQLiteBench) -> None:
    notices = LimitNotices(sqlite.storage)
    for subject in ("one", "two", "three"):
        notices.note(*DEVICE, subject)
    notices.note(*SHARED, "four")
    await notices.write()
    first = [("device_messages", 3, "one"), ("tenant_connections", 1, "four")]
    assert told(sqlite) == first
    notices.note(*DEVICE, "five")
    notices.note(*DEVICE, "six")
    await notices.write()
    assert told(sqlite) == first
    sqlite.now_ms += TOLD_EVERY_MS
    await notices.write()
    assert told(sqlite) == [*first, ("device_messages", 2, "five")]
    sqlite.now_ms += TOLD_EVERY_MS
    await notices.write()
    assert len(told(sqlite)) == 3
    assert not notices._noted, "what is over is forgotten"


async def test_tenants_that_are_no_more_hear_nothing(sqlite: SQLiteBench) -> None:
    notices = LimitNotices(sqlite.storage)
    notices.note(uuid4(), Whose.TENANT, Kind.REQUESTS, "user")
    await notices.write()
    assert told(sqlite) == []


async def test_no_more_is_remembered_than_there_is_room_for(
    sqlite: SQLiteBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_notices, "MOST_REMEMBERED", 1)
    notices = LimitNotices(sqlite.storage)
    notices.note(*DEVICE, "one")
    notices.note(*SHARED, "two")
    assert len(notices._noted) == 1
