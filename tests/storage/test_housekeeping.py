"""Housekeeping deletes what has expired and nothing else, a few rows at a time."""

from pathlib import Path
from uuid import UUID

import pytest

from deedbox.core.housekeeping import DAY_MS, FIRST, Swept, sweep
from deedbox.core.storage import Stores
from deedbox.storage.migrating import migrate
from deedbox.storage.sqlite import SQLiteStorage

NOW = 1_800_000_000_000


def ids(count: int) -> list[bytes]:
    return [UUID(int=number).bytes for number in range(1, count + 1)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path / 'deedbox.sqlite'}")
    return tmp_path / "deedbox.sqlite"


async def swept(path: Path, limit: int, after: UUID = FIRST) -> Swept:
    async def work(stores: Stores) -> Swept:
        return await sweep(stores.housekeeping, after, limit, 30)

    storage = SQLiteStorage(path, lambda: NOW)
    try:
        return await storage.write(work)
    finally:
        await storage.close()


def fill_windows(path: Path, kind: int, expires_at: int, count: int) -> None:
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(path)
    rows = [(it, kind, b"d", expires_at, False, 0, 0) for it in ids(count)]
    connection.executemany(
        "insert into claim_window (device_id, kind, digest, expires_at, lapsed, opened_at, epoch)"
        " values (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    connection.commit()
    connection.close()


def count(path: Path, kind: int) -> int:
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(path)
    (found,) = connection.execute("select count(*) from claim_window where kind = ?", (kind,)).fetchone()
    connection.close()
    return int(found)


async def test_announced_windows_go_a_day_after_their_expiry_in_bites(path: Path) -> None:
    fill_windows(path, 0, NOW - DAY_MS - 1, 25)
    fill_windows(path, 1, NOW - DAY_MS - 1, 25)
    first = await swept(path, 10)
    assert first == Swept({"windows": 10}, UUID(int=10))
    second = await swept(path, 10, UUID(int=10))
    assert await swept(path, 10, second.after or FIRST) == Swept({"windows": 5}, None)
    assert (count(path, 0), count(path, 1)) == (0, 25)


async def test_windows_of_the_last_day_stay(path: Path) -> None:
    fill_windows(path, 0, NOW - DAY_MS, 3)
    assert await swept(path, 10) == Swept({}, None)
    assert count(path, 0) == 3


async def test_counters_of_guesses_go_after_a_day(path: Path) -> None:
    """Behaviour §6.1: a window lasts a day at most."""
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(path)
    starts = [NOW - DAY_MS - 1, NOW - DAY_MS, NOW]
    connection.executemany(
        "insert into guess_count (owner_id, window_start, total) values (?, ?, 5)",
        [(bytes(16), it) for it in starts],
    )
    connection.commit()
    assert await swept(path, 10) == Swept({"guess_counts": 1}, None)
    left = connection.execute("select window_start from guess_count order by window_start")
    assert [it for (it,) in left] == starts[1:]
    connection.close()


async def test_points_past_their_time_to_live_go(path: Path) -> None:
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(path)
    rows = [(bytes(16), 1, ts, 0, expires) for ts, expires in enumerate([NOW - 1, NOW - 1, NOW, None])]
    connection.executemany(
        "insert into time_series (entity_id, key_id, ts, epoch, kind, expires_at) values (?, ?, ?, ?, 0, ?)",
        rows,
    )
    connection.commit()
    assert await swept(path, 10) == Swept({"points": 2}, None)
    assert [ts for (ts,) in connection.execute("select ts from time_series order by ts")] == [2, 3]
    connection.close()
