"""Copies of a database in use are of one moment and whole; a seal tells every byte that was changed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deedbox.storage.backup_seals import (
    BackupFacts,
    NoBackup,
    check_seal,
    facts_of,
    remove_seal,
    seal,
    write_facts,
)
from deedbox.storage.backups import DamagedDatabase, check_integrity, copy_database
from deedbox.storage.drafts import draft_of, put_in_place, set_aside
from deedbox.storage.sqlite import connect

FACTS = BackupFacts(made_at=1, version="1", schema="0001", counts={"devices": 3}, key_fingerprints={7: "ab"})
ROWS, BALLAST_BYTES = 3_000, 1_000


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Three megabytes of rows in a database with a log."""
    path = tmp_path / "database.sqlite"
    with closing(connect(path)) as connection:
        connection.execute("create table item (number integer primary key, ballast blob)")
        connection.executemany(
            "insert into item values (?, randomblob(?))", [(n, BALLAST_BYTES) for n in range(ROWS)]
        )
    return path


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("select number from item order by number")]


def sealed(database: Path, path: Path) -> Path:
    path.touch()
    copy_database(database, path, ignore)
    write_facts(path, FACTS)
    seal(path, ignore)
    return path


def test_a_copy_is_of_one_moment_however_much_is_written_meanwhile(database: Path, tmp_path: Path) -> None:
    """Issue 4: each step of the copy is followed by a commit; the copy ends, and has none of them."""
    copy, steps = tmp_path / "copy", []
    copy.touch()
    with closing(connect(database)) as writer:

        def write(_done: int, _total: int) -> None:
            steps.append(1)
            writer.execute("insert into item values (?, randomblob(?))", (ROWS + len(steps), BALLAST_BYTES))
            writer.execute("update item set ballast = randomblob(?) where number < 100", (BALLAST_BYTES,))

        copy_database(database, copy, write)
        assert len(steps) > 2
        check_integrity(copy)
        assert numbers(copy) == list(range(ROWS))
        assert numbers(database)[-1] == ROWS + len(steps)


def test_a_copy_has_what_only_the_log_has(database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.touch()
    with closing(connect(database)) as writer:
        writer.execute("pragma wal_autocheckpoint = 0")
        writer.execute("insert into item values (?, x'')", (ROWS,))
        copy_database(database, copy, ignore)
    assert numbers(copy)[-1] == ROWS
    assert sorted(it.name for it in tmp_path.glob("copy*")) == ["copy"]


def test_a_seal_says_what_the_backup_is_and_goes_again(database: Path, tmp_path: Path) -> None:
    backup = sealed(database, tmp_path / "backup")
    assert facts_of(backup) == FACTS
    assert check_seal(backup, ignore) == check_seal(backup, ignore)
    remove_seal(backup)
    with pytest.raises(NoBackup, match="is no backup"):
        facts_of(backup)
    assert numbers(backup) == list(range(ROWS))


def test_sealing_a_copy_of_a_backup_anew_replaces_the_seal(database: Path, tmp_path: Path) -> None:
    backup = sealed(database, tmp_path / "backup")
    first = check_seal(backup, ignore)
    again = sealed(backup, tmp_path / "again")
    assert check_seal(again, ignore) != first


@pytest.mark.parametrize("place", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_one_changed_bit_anywhere_is_noticed(database: Path, tmp_path: Path, place: float) -> None:
    backup = sealed(database, tmp_path / "backup")
    content = bytearray(backup.read_bytes())
    content[int(len(content) * place)] ^= 1
    backup.write_bytes(content)
    with pytest.raises(NoBackup):
        check_seal(backup, ignore)


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.001, 0.5, 0.9999])
def test_a_truncated_backup_is_none(database: Path, tmp_path: Path, kept: float) -> None:
    backup = sealed(database, tmp_path / "backup")
    content = backup.read_bytes()
    backup.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(NoBackup):
        check_seal(backup, ignore)


def test_other_files_are_no_backups(database: Path, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("SQLite format 3", encoding="utf-8")
    for path in (text, database):
        with pytest.raises(NoBackup, match="is no backup"):
            facts_of(path)


def test_a_damaged_database_is_named(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096 * 2 : 4096 * 3] = bytes(4096)
    database.write_bytes(content)
    with pytest.raises((DamagedDatabase, sqlite3.DatabaseError)):
        check_integrity(database)


def test_a_draft_is_private_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), draft_of(tmp_path / "file") as draft:
        assert draft.stat().st_mode & 0o777 == 0o600
        draft.with_name(f"{draft.name}-wal").touch()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_draft_takes_its_place(tmp_path: Path) -> None:
    with draft_of(tmp_path / "file") as draft:
        draft.write_text("new", encoding="utf-8")
        put_in_place(draft, tmp_path / "file")
    assert [it.name for it in tmp_path.iterdir()] == ["file"]


def test_what_is_set_aside_is_whole_with_its_log(database: Path, tmp_path: Path) -> None:
    with closing(connect(database)) as writer:
        writer.execute("pragma wal_autocheckpoint = 0")
        writer.execute("insert into item values (?, x'')", (ROWS,))
        killed = tmp_path / "killed"
        killed.mkdir()
        for file in tmp_path.glob("database.sqlite*"):
            (killed / file.name).write_bytes(file.read_bytes())
    aside = killed / "aside"
    set_aside(killed / database.name, aside)
    assert numbers(aside / database.name)[-1] == ROWS
    assert (killed / database.name).samefile(aside / database.name)


def test_a_damaged_database_is_set_aside_too(tmp_path: Path) -> None:
    for ending in ("", "-wal"):
        (tmp_path / f"database{ending}").write_bytes(b"rubbish" * 1000)
    set_aside(tmp_path / "database", tmp_path / "aside")
    assert sorted(it.name for it in (tmp_path / "aside").iterdir()) == ["database", "database-wal"]
