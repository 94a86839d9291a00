"""`deedbox backup`: copies the database of one moment, beside a server that may run; checks and seals it."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from deedbox import __version__
from deedbox.config.declared import Settings
from deedbox.main.failures import CannotStart, understandable
from deedbox.main.folder import sqlite_file, why_not
from deedbox.main.keys import fingerprints
from deedbox.security.key_file import KeyFileError, load
from deedbox.storage.backup_seals import BackupFacts, NoBackup, facts_of, seal, write_facts
from deedbox.storage.backups import check_integrity, copy_database, counts, key_generations
from deedbox.storage.drafts import draft_of, put_in_place
from deedbox.storage.migrating import check_fits, schema_of_file

_MIB = 1 << 20

#: Hears of progress: what is being done, how much of it is done, of how much; 0 of 0 where nobody knows.
Tell = Callable[[str, int, int], object]


class BackedUp(msgspec.Struct, frozen=True):
    """A backup that was made; `key_file_problem` says why nobody knows yet which key file belongs to it."""

    path: Path
    size_bytes: int
    seal: str
    facts: BackupFacts
    key_file: Path
    key_file_problem: str = ""


def back_up(settings: Settings, target: str, *, force: bool, tell: Tell) -> BackedUp:
    """Write a backup to a file, or into a folder under a name with the time. Raises CannotStart.

    Whatever goes wrong, no unfinished file has the backup's name, and one that was there is as it was.
    """
    with understandable():
        check_is_sqlite(settings)
        source = sqlite_file(settings)
        schema = _schema(source)
        path = _free_path(Path(target), target.endswith("/"), settings, force)
        try:
            _check_room(source, path)
            with draft_of(path) as draft:
                return _written(settings, source, schema, draft, path, tell)
        except OSError as error:
            raise CannotStart(f"The backup {path} can't be written: {why_not(error)}.") from error


def check_is_sqlite(settings: Settings) -> None:
    """Raise CannotStart for a database that has tools of its own for this."""
    if not settings.database_url.startswith("sqlite:"):
        raise CannotStart(
            "`deedbox backup` and `deedbox restore` are for SQLite. PostgreSQL is backed up with pg_dump, or "
            "with a base backup and its log; keep the key file apart from both."
        )


def _schema(source: Path) -> str:
    schema = schema_of_file(source)
    if schema.revision is None:
        raise CannotStart(f"There is no database {source} yet. Name its folder: --data FOLDER")
    check_fits(schema)
    return schema.revision


def _free_path(target: Path, is_folder: bool, settings: Settings, force: bool) -> Path:
    source = sqlite_file(settings)
    if target.is_dir():
        target /= f"deedbox-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite"
    elif is_folder or not target.parent.is_dir():
        missing = target if is_folder else target.parent
        raise CannotStart(f"There is no folder {missing}. Make it first, or name another.")
    of_database = target.parent.samefile(source.parent) and target.name.startswith(source.name)
    if of_database or target.absolute() == settings.key_file.absolute():
        raise CannotStart(f"{target} is a name that the server uses. Choose another one for the backup.")
    if target.exists():
        _check_replaceable(target, force)
    return target


def _check_replaceable(target: Path, force: bool) -> None:
    if not force:
        raise CannotStart(f"{target} is there already. Choose another name, or replace it: --force")
    try:
        facts_of(target)
    except (NoBackup, OSError) as error:
        raise CannotStart(f"{target} is no backup, so it is not replaced. Choose another name.") from error


def _check_room(source: Path, path: Path) -> None:
    needed, free = source.stat().st_size, shutil.disk_usage(path.parent).free
    if free < needed:
        raise CannotStart(
            f"The backup needs about {needed / _MIB:.0f} MiB, and {path.parent.absolute()} has "
            f"{free / _MIB:.0f} MiB free. Make room, or choose another disk."
        )


def _written(settings: Settings, source: Path, schema: str, draft: Path, path: Path, tell: Tell) -> BackedUp:
    made_at = copy_database(source, draft, lambda done, total: tell("Copying", done, total))
    known, problem = _known_keys(settings.key_file, draft)
    facts = BackupFacts(
        made_at=made_at,
        version=__version__,
        schema=schema,
        counts=counts(draft),
        key_fingerprints=known,
    )
    write_facts(draft, facts)
    tell("Checking", 0, 0)
    check_integrity(draft)
    digest = seal(draft, lambda done, total: tell("Sealing", done, total))
    put_in_place(draft, path)
    return BackedUp(path, path.stat().st_size, digest, facts, settings.key_file, problem)


def _known_keys(key_file: Path, copy: Path) -> tuple[dict[int, str], str]:
    """Return fingerprints of the keys that the copy needs, and why there are none."""
    needed = key_generations(copy)
    try:
        known = fingerprints(load(key_file))
    except KeyFileError as error:
        return {}, str(error)
    missing = sorted(set(needed) - set(known))
    if missing:
        raise CannotStart(
            f"The database needs key generation {missing[0]}, which {key_file} does not hold. If keys were "
            "pruned just now, try again; else name the key file that belongs to it: DEEDBOX_SECRETS_KEY_FILE."
        )
    return {number: known[number] for number in needed or [max(known)]}, ""
