"""Copies from SQLite to PostgreSQL: whole, exact, resumable, and refused where they can't be."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from deedbox.core.errors import StorageUnavailable
from deedbox.storage import copying
from deedbox.storage.copy_source import CopyRefused
from deedbox.storage.migrating import WrongSchema, check_fits
from deedbox.storage.opening import schema_of
from tests.storage.copy_bench import (
    ROWS,
    compared,
    copied,
    filled_database,
    rows_in_source,
    rows_in_target,
    run_in_source,
    tables_of,
)
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql, run_plainly

_TABLES = """
select relname from pg_class
where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace
"""
_DISCONNECT = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_database(tmp_path_factory.mktemp("template"))


@pytest.fixture
def source(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy2(template, tmp_path))


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    address = new_postgresql(EMPTY)
    yield address
    drop_postgresql(address)


def test_every_row_of_every_table_arrives_as_it_was(source: Path, url: str) -> None:
    """Issue 4, point 3. The tables are asked of SQLite itself: one that comes later is in this test, too."""
    _, tables = copied(source, url)
    with closing(sqlite3.connect(source)) as connection:
        made = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    assert {it.name for it in tables} == made - {"alembic_version"}
    assert {it.rows for it in tables} == {ROWS}
    for table in tables_of(source):
        assert rows_in_target(url, table) == rows_in_source(source, table), table.name


def test_what_is_only_in_the_target_is_known(source: Path, url: str) -> None:
    """A table that PostgreSQL alone has would stay empty: that has to be wanted."""
    copied(source, url)
    found = run_plainly(url, _TABLES, ())
    assert {row[0] for row in found} - {it.name for it in tables_of(source)} == {"alembic_version"}


def test_new_rows_are_numbered_behind_those_that_were_copied(source: Path, url: str) -> None:
    copied(source, url)
    for sql in ("insert into series_key (name) values ('new') returning id",
                "insert into telemetry_journal (device_id, messages) "
                "values (gen_random_uuid(), '') returning id"):  # fmt: skip
        assert run_plainly(url, sql, ()) == [(ROWS,)]


def test_an_empty_source_is_copied(tmp_path: Path, url: str) -> None:
    _, tables = copied(filled_database(tmp_path, rows=0), url)
    assert {it.rows for it in tables} == {0}
    assert run_plainly(url, "insert into series_key (name) values ('first') returning id", ()) == [(1,)]


class CutOff(Exception):
    """The power went out."""


def cut_off(_what: str, _done: int, _total: int) -> None:
    raise CutOff


def test_a_copy_goes_on_where_it_stopped(source: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4, point 3: cut off behind every single commit; until it is done, nobody may use the target."""
    monkeypatch.setattr(copying, "_ROWS_PER_TRANSACTION", 7)
    tables = len(tables_of(source))
    # Two commits for each table; and once more in the comparison, when all is there.
    commits = [table * ROWS + done for table in range(tables) for done in (7, ROWS)] + [tables * ROWS]
    for were_there in commits:
        with pytest.raises(CutOff):
            copied(source, url, tell=cut_off)
        assert places(url) == were_there
    with pytest.raises(WrongSchema, match="Only a part"):
        check_fits(schema_of(url))
    assert copied(source, url)[0] == tables * ROWS
    check_fits(schema_of(url))
    assert {it.rows for it in compared(source, url)} == {ROWS}


def places(url: str) -> int:
    return int(run_plainly(url, "select sum(copied)::bigint from copy_progress", ())[0][0])


def test_a_connection_that_is_lost_costs_what_was_not_committed(source: Path, url: str) -> None:
    """Issue 4: connections killed. The command says that it can go on, and goes on."""
    lost: list[int] = []

    def lose(_what: str, done: int, _total: int) -> None:
        if not lost and done > ROWS * 3:
            lost.append(done)
            run_plainly(url, _DISCONNECT, ())

    with pytest.raises(StorageUnavailable, match="the same command again goes on"):
        copied(source, url, tell=lose)
    assert copied(source, url)[0] == lost[0]


@pytest.mark.parametrize(
    ("change", "value", "said"),
    [
        ("update tenant set title = ?", "NUL \0!", "Table tenant, row id .*: column title has text with"),
        ("update tenant set title = cast(? as text)", b"\xff\xfe", "Table tenant, the first row: Could not"),
        ("update tenant set created_at = ?", 1.5, "column created_at has no whole number"),
        ("update tenant set erase_on_reclaim = ?", 2, "column erase_on_reclaim has neither 0 nor 1"),
        (
            "update tenant set id = ?",
            b"short",
            "Table tenant, row id 73686f7274: column id has no identifier",
        ),
        ("update tenant set title = ?", b"bytes", "column title has bytes or a number in place of text"),
        ("update claim_window set digest = ?", "text", "Table claim_window.*column digest has text or a"),
    ],
)
def test_what_postgresql_cannot_keep_is_refused_by_its_row(
    source: Path, url: str, change: str, value: object, said: str
) -> None:
    """A row that would arrive as another one does not arrive at all; what it says is not repeated."""
    first = "where id = (select min(id) from tenant)" if "tenant" in change else ""
    run_in_source(source, f"{change} {first}", value)
    with pytest.raises(CopyRefused, match=said) as refused:
        copied(source, url)
    assert "NUL " not in str(refused.value)
    with pytest.raises(WrongSchema, match="Only a part"):
        check_fits(schema_of(url))


def test_a_source_that_was_changed_meanwhile_is_copied_from_the_beginning(source: Path, url: str) -> None:
    """What was copied before the change is old: nothing is guessed, somebody has to say --restart."""
    with pytest.raises(CutOff):
        copied(source, url, tell=cut_off)
    run_in_source(source, "delete from asset")
    with pytest.raises(CopyRefused, match="--restart"):
        copied(source, url)
    assert copied(source, url, restart=True)[0] == 0
    assert {it.name: it.rows for it in compared(source, url)}["asset"] == 0


def test_a_target_with_rows_is_left_alone(source: Path, url: str) -> None:
    """With --restart, too: only what a copy has brought is thrown away."""
    copied(source, url)
    for restart in (False, True):
        with pytest.raises(CopyRefused, match="The target is not empty: its table api_key has rows"):
            copied(source, url, restart=restart)
    assert {it.rows for it in compared(source, url)} == {ROWS}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "delete from deed where id = (select min(id::text)::uuid from deed)",
            "12 rows in the source, 11 in",
        ),
        (
            "update time_series set ts = ts + 1 where key_id = 3",
            "Table time_series: 12 rows each, with other",
        ),
        ("update tenant set erase_on_reclaim = not erase_on_reclaim", "Table tenant: 12 rows each"),
    ],
)
def test_a_difference_is_found(source: Path, url: str, change: str, said: str) -> None:
    copied(source, url)
    run_plainly(url, change, ())
    with pytest.raises(CopyRefused, match=f"not equal.*{said}"):
        compared(source, url)


def test_a_database_that_is_open_elsewhere_is_not_copied(source: Path, url: str) -> None:
    """A server whose data folder is another one holds no lock in this folder, and is found all the same."""
    with closing(sqlite3.connect(source)) as server:
        server.execute("pragma journal_mode = wal")
        server.execute("select * from tenant").fetchall()
        with pytest.raises(CopyRefused, match="Another program has"):
            copied(source, url)
    copied(source, url)


def test_of_two_copies_into_one_database_one_ends(source: Path, url: str, tmp_path: Path) -> None:
    """Neither writes what the other has written."""
    other = shutil.copytree(source.parent, tmp_path / "other") / source.name
    os.utime(other, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    begun: list[bool] = []

    def overtake(_what: str, _done: int, _total: int) -> None:
        if not begun:
            begun.append(True)
            with ThreadPoolExecutor(1) as beside:
                beside.submit(copied, other, url).result()

    with pytest.raises((CopyRefused, StorageUnavailable)):
        copied(source, url, tell=overtake)
    assert {it.rows for it in compared(source, url)} == {ROWS}
