"""The data folder: made if missing, held by one process, its database brought to this release's schema."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deedbox.config.declared import Settings
from deedbox.main.failures import CannotStart, understandable
from deedbox.storage.migrating import Schema, check_fits, is_postgresql, migrate, newest_revision
from deedbox.storage.opening import FolderLock, database_path, schema_of

_WHY = {
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EROFS: "it is on a read-only file system",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "this user's disk quota is used up",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EEXIST: "there is a file of that name",
}


@contextmanager
def held_folder(settings: Settings) -> Iterator[Path]:
    """Make the data folder if it is missing and hold it for this process.

    Raises CannotStart when it can't be written, FolderInUse when another process works on it.
    """
    folder = settings.data_folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FolderLock(folder)
    except OSError as error:
        raise CannotStart(_unusable(folder, error)) from error
    try:
        yield folder
    finally:
        lock.release()


def migrate_if_needed(settings: Settings, *, in_child: bool) -> tuple[str | None, str]:
    """Bring the database to this release's schema; return its revisions before and after.

    A newer schema that this release runs on stays as it is.

    `in_child` runs the migrations in another process: what they import would stay in this one's memory.
    Raises CannotStart for a URL of no database, WrongSchema for a schema of a newer release.
    """
    url = settings.database_url
    schema = database_schema(settings)
    check_fits(schema)
    before = schema.revision
    if before is not None and before >= newest_revision():
        return before, before
    known = url if is_postgresql(url) else f"sqlite:///{sqlite_file(settings)}"
    _migrate_in_child(known) if in_child else migrate(known)
    return before, newest_revision()


def database_schema(settings: Settings) -> Schema:
    """Return the database's schema. Raises CannotStart for a URL of no database."""
    with _known_url():
        return schema_of(settings.database_url)


def sqlite_file(settings: Settings) -> Path:
    """Return the database's file. Raises CannotStart for a URL that is not SQLite's."""
    with _known_url():
        return database_path(settings.database_url)


@contextmanager
def _known_url() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CannotStart(f"{error}. Set database.url (--database-url), or leave it out.") from error


def _migrate_in_child(url: str) -> None:
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - needed on the first start only
    from multiprocessing import get_context  # noqa: PLC0415

    with ProcessPoolExecutor(1, get_context("spawn")) as child:
        child.submit(migrate, url).result()


def why_not(error: OSError) -> str:
    """Return in words why a file or folder can't be written."""
    return _WHY.get(error.errno or 0, error.strerror or str(error))


def _unusable(folder: Path, error: OSError) -> str:
    return (
        f"The data folder {folder} can't be used: {why_not(error)}. "
        "Make it writable for this user, or choose another: --data FOLDER"
    )


def migrate_alone(settings: Settings) -> tuple[str | None, str]:
    """Migrate a database that no server uses now; return its revisions before and after.

    Raises CannotStart.
    """
    with understandable(), held_folder(settings):
        return migrate_if_needed(settings, in_child=False)
