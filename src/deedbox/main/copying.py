"""`deedbox copy`: moves a whole deployment from SQLite to PostgreSQL, and proves that both are equal."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from deedbox.config.declared import Settings
from deedbox.main.failures import CannotStart, understandable
from deedbox.main.folder import why_not
from deedbox.main.keys import fingerprints
from deedbox.security.key_file import load
from deedbox.storage.backups import key_generations
from deedbox.storage.copy_source import CopySource, opened_source
from deedbox.storage.migrating import check_fits, is_postgresql, newest_revision, schema_of_file
from deedbox.storage.opening import DATABASE_NAME, FolderLock, check_extra, database_path

Tell = Callable[[str, int, int], object]


class CopyWishes(msgspec.Struct, frozen=True):
    """`restart` throws away what an unfinished copy has brought, `verify_only` copies nothing."""

    source_url: str = ""
    restart: bool = False
    verify_only: bool = False


class KeysToBring(msgspec.Struct, frozen=True):
    """The key file that servers of the target will look for, and the one of the source where that is another.

    `fingerprints` name the generations of keys that are needed; empty when no key file is there.
    """

    expected: Path
    at_source: Path | None
    fingerprints: dict[int, str]


class CopyMade(msgspec.Struct, frozen=True):
    """What was copied or compared; `rows_before` were there from an earlier run that was cut off."""

    source: Path
    tables: dict[str, dict[str, Any]]
    rows: int
    rows_before: int
    keys: KeysToBring


def copy(settings: Settings, wishes: CopyWishes, tell: Tell) -> CopyMade:
    """Copy a SQLite database that no server uses into `settings.database_url`, or go on with that.

    Raises CannotStart; the source is never changed, and no server starts on an unfinished target.
    """
    with understandable():
        _check_target(settings.database_url)
        path = _source_file(settings, wishes.source_url)
        with _held(path.parent):
            keys = _keys_to_bring(settings, path)
            with opened_source(path) as source:
                return _copied(settings.database_url, source, path, keys, wishes, tell)


def _check_target(url: str) -> None:
    if not is_postgresql(url):
        raise CannotStart(
            "`deedbox copy` goes from SQLite to PostgreSQL. Say where to: --to postgresql://…, or with the "
            "setting database.url (DEEDBOX_DATABASE_URL), which keeps its password from other users."
        )
    check_extra()


def _source_file(settings: Settings, url: str) -> Path:
    if is_postgresql(url):
        raise CannotStart(
            "`deedbox copy` goes from SQLite to PostgreSQL: --from sqlite:… Between servers of PostgreSQL, "
            "pg_dump and pg_restore copy."
        )
    try:
        path = database_path(url) if url else settings.data_folder / DATABASE_NAME
    except ValueError as error:
        raise CannotStart(f"{error}. Correct --from.") from error
    if not path.is_file():
        raise CannotStart(
            f"There is no database {path}. Say where from: --from sqlite:FOLDER/{DATABASE_NAME}"
        )
    schema = schema_of_file(path)
    check_fits(schema)
    if schema.revision != newest_revision():
        raise CannotStart(
            f"The source has schema {schema.revision or 'none'}, and a copy needs {newest_revision()}. "
            f"Run first: deedbox migrate --data {path.parent} --database-url sqlite:{path}"
        )
    return path


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        lock = FolderLock(folder)
    except OSError as error:
        raise CannotStart(f"The source's folder {folder} can't be locked: {why_not(error)}.") from error
    try:
        yield
    finally:
        lock.release()


def _keys_to_bring(settings: Settings, source: Path) -> KeysToBring:
    """Return which key file the target needs. Raises CannotStart for one that can't read what is copied."""
    expected, beside = settings.key_file, source.parent / "secret.key"
    is_elsewhere = beside.exists() and not (expected.exists() and beside.samefile(expected))
    right = fingerprints(load(beside)) if beside.exists() else {}
    there = fingerprints(load(expected)) if expected.exists() else right
    needed = key_generations(source) or [max(there)] * bool(there)
    wrong = [it for it in needed if there and (it not in there or there[it] != right.get(it, there[it]))]
    if wrong:
        raise CannotStart(
            f"Servers of the target would use the key file {expected}, and it does not belong to the source: "
            f"its generation {wrong[0]} is missing or another one. Put the source's there, or name it: "
            "DEEDBOX_SECRETS_KEY_FILE"
        )
    return KeysToBring(
        expected, beside if is_elsewhere else None, {it: there[it] for it in needed if it in there}
    )


def _copied(
    url: str, source: CopySource, path: Path, keys: KeysToBring, wishes: CopyWishes, tell: Tell
) -> CopyMade:
    from deedbox.storage import copying  # noqa: PLC0415 - asyncpg is an extra

    if not wishes.verify_only:
        copying.make_ready(url, source, restart=wishes.restart)
    rows_before, tables = asyncio.run(copying.copy_all(url, source, tell, verify_only=wishes.verify_only))
    return CopyMade(
        source=path,
        tables={it.name: {"rows": it.rows, "checksum": it.checksum} for it in tables},
        rows=sum(it.rows for it in tables),
        rows_before=rows_before,
        keys=keys,
    )
