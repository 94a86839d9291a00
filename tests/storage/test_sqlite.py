"""SQLite as storage: durable, isolated, and honest when the disk or the file is not what it should be."""

import asyncio
import os
import resource
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest

from deedbox.core.errors import InvalidValue, StorageUnavailable
from deedbox.core.holders import Extent
from deedbox.core.telemetry import Point, Recording, Span
from deedbox.storage.opening import FolderInUse, FolderLock
from deedbox.storage.sqlite import connect
from deedbox.storage.statements import UniqueViolation
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ACME, TENANT, ClaimScene
from tests.storage.sqlite_bench import SQLiteBench, new_database

NOBODY = 65534


async def spend(bench: SQLiteBench, count: int = 1) -> None:
    """Write rows: attempts, as good as any."""

    async def work(stores: Stores) -> None:
        await stores.claims.spend_attempts([(os.urandom(400), bench.now_ms) for _ in range(count)])

    await bench.storage.write(work)


def rows_in(path: Path) -> int:
    """Count what another process would see."""
    other = sqlite3.connect(path)
    try:
        return int(other.execute("select count(*) from spent_attempt").fetchone()[0])
    finally:
        other.close()


def is_intact(path: Path) -> bool:
    other = sqlite3.connect(path)
    try:
        return bool(other.execute("pragma integrity_check").fetchone()[0] == "ok")
    finally:
        other.close()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse to make any file of this process larger, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Be an ordinary user for a while: permissions mean nothing to root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_durability_is_switched_on(tmp_path: Path) -> None:
    """What SQLite really uses, not what it was asked for."""
    connection = connect(new_database(tmp_path))
    found = [connection.execute(f"pragma {it}").fetchone()[0] for it in ("journal_mode", "synchronous")]
    connection.close()
    assert found == ["wal", 2]


async def test_the_writer_of_a_storage_is_durable(sqlite_bench: SQLiteBench) -> None:
    assert sqlite_bench.storage._writer.execute("pragma synchronous").fetchone() == (2,)
    assert sqlite_bench.storage._writer.execute("pragma journal_mode").fetchone() == ("wal",)


async def test_an_answer_means_that_others_can_read_it(sqlite_bench: SQLiteBench) -> None:
    await asyncio.gather(*(spend(sqlite_bench) for _ in range(20)))
    assert rows_in(sqlite_bench.storage.path) == 20


async def test_a_reader_sees_one_moment(sqlite_bench: SQLiteBench) -> None:
    began, may_end = threading.Event(), threading.Event()

    async def counts(stores: Stores) -> tuple[int, int]:
        before = len(await stores.claims.transaction.rows("deeds_of_device", device_id=device.id))
        began.set()
        may_end.wait(10)
        return before, len(await stores.claims.transaction.rows("deeds_of_device", device_id=device.id))

    scene = ClaimScene(sqlite_bench)
    device = await scene.prepare()
    reading = asyncio.ensure_future(sqlite_bench.storage.read(counts))
    await asyncio.to_thread(began.wait, 10)
    await scene.assign(device, ACME)
    may_end.set()
    assert await reading == (0, 0)
    assert await sqlite_bench.storage.read(counts) == (1, 1)


@pytest.mark.parametrize("how", ["read", "look"])
async def test_readers_cannot_write(sqlite_bench: SQLiteBench, how: str) -> None:
    async def writes(stores: Stores) -> None:
        await stores.claims.spend_attempts([(b"scope", 1)])

    with pytest.raises(StorageUnavailable):
        await getattr(sqlite_bench.storage, how)(writes)
    assert rows_in(sqlite_bench.storage.path) == 0


async def test_a_row_that_is_there_already_is_named(sqlite_bench: SQLiteBench) -> None:
    same = UUID(int=5)

    async def twice(stores: Stores) -> None:
        await stores.claims.transaction.batch("spend_attempts", [(b"scope", 1, same)])

    await sqlite_bench.storage.write(twice)
    with pytest.raises(UniqueViolation, match=r"spent_attempt\.scope"):
        await sqlite_bench.storage.write(twice)


async def test_a_missing_value_is_not_taken_for_a_duplicate(sqlite_bench: SQLiteBench) -> None:
    async def incomplete(stores: Stores) -> None:
        await stores.claims.transaction.batch("spend_attempts", [(None, 1, UUID(int=5))])

    with pytest.raises(sqlite3.IntegrityError):
        await sqlite_bench.storage.write(incomplete)


async def test_a_full_database_refuses_and_recovers(sqlite_bench: SQLiteBench) -> None:
    """SQLITE_FULL: 503 for everybody in that commit, nothing stored, and the next one works."""
    await spend(sqlite_bench)
    writer = sqlite_bench.storage._writer
    pages = writer.execute("pragma page_count").fetchone()[0]
    writer.execute(f"pragma max_page_count = {pages}")
    told = await asyncio.gather(*(spend(sqlite_bench, 200) for _ in range(5)), return_exceptions=True)
    assert {type(it) for it in told} == {StorageUnavailable}
    writer.execute("pragma max_page_count = 1000000")
    await spend(sqlite_bench)
    assert rows_in(sqlite_bench.storage.path) == 2
    assert is_intact(sqlite_bench.storage.path)


async def test_a_disk_that_takes_no_more_refuses_and_recovers(sqlite_bench: SQLiteBench) -> None:
    """The system itself refuses to write."""
    await spend(sqlite_bench)
    log = sqlite_bench.storage.path.with_name(sqlite_bench.storage.path.name + "-wal")
    with largest_file(log.stat().st_size + 4096):
        told = await asyncio.gather(*(spend(sqlite_bench, 200) for _ in range(5)), return_exceptions=True)
    assert {type(it) for it in told} == {StorageUnavailable}
    await spend(sqlite_bench)
    assert rows_in(sqlite_bench.storage.path) == 2
    assert is_intact(sqlite_bench.storage.path)


async def test_claims_on_a_full_disk_give_nobody_the_device(sqlite_bench: SQLiteBench) -> None:
    scene = ClaimScene(sqlite_bench)
    device = await scene.prepare()
    writer = sqlite_bench.storage._writer
    writer.execute(f"pragma max_page_count = {writer.execute('pragma page_count').fetchone()[0]}")
    with pytest.raises(StorageUnavailable):
        for _ in range(100):
            await spend(sqlite_bench, 10)
    with pytest.raises(StorageUnavailable):
        for _ in range(100):
            await scene.assign(device, ACME)
            await scene.unassign(device)
    writer.execute("pragma max_page_count = 1000000")
    ledger = await sqlite_bench.ledger(TENANT, device.id)
    assert (await scene.state(device)).epoch == len(ledger)


async def test_a_damaged_page_is_an_answer_not_a_guess(tmp_path: Path) -> None:
    """A page of the file is overwritten: using it is refused as trouble of the storage."""
    path = new_database(tmp_path)
    plain = sqlite3.connect(path)
    [page] = plain.execute("select rootpage from sqlite_master where name = 'spent_attempt'").fetchone()
    plain.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 64)
    bench = SQLiteBench(path)
    with pytest.raises(StorageUnavailable):
        await spend(bench)
    await bench.close()


def test_a_file_that_is_no_database_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "deedbox.sqlite"
    path.write_bytes(b"this is a letter, not a database" * 300)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        connect(path)
    assert path.read_bytes().startswith(b"this is a letter")


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
        with without_privileges(), pytest.raises(PermissionError):
            FolderLock(folder)
        assert not list(folder.iterdir())
        folder.chmod(stat.S_IRWXU)


def test_a_database_that_cannot_be_written_is_not_opened_for_writing() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = new_database(folder)
        connect(path).close()
        path.chmod(stat.S_IRUSR | stat.S_IROTH)
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
        with without_privileges(), pytest.raises(sqlite3.OperationalError):
            connect(path).execute("begin immediate")
        folder.chmod(stat.S_IRWXU)


def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderInUse, match=f"process {os.getpid()}"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()


async def test_a_reader_that_takes_too_long_is_stopped(sqlite_bench: SQLiteBench) -> None:
    """A limit on what one question may cost; the reader serves the next one."""
    entity_id, span, everything = UUID(int=1), Span(0, 2**53, 10_000, True), Extent(0, 99)
    points = [Point("t", ts, ts) for ts in range(10_000)]

    async def write(stores: Stores) -> None:
        await stores.time_series.write_points([Recording(entity_id, points, on_device=False)])

    async def work(stores: Stores) -> int:
        return len(await stores.time_series.points(entity_id, "t", everything, span))

    await sqlite_bench.storage.write(write)
    with pytest.raises(InvalidValue, match="takes too long"):
        await sqlite_bench.storage.read(work, 0)
    readers = await asyncio.gather(*(sqlite_bench.storage.read(work) for _ in range(8)))
    assert readers == [10_000] * 8
