"""Opens the database that a URL names, alone on its data folder."""

import fcntl
import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Union

from deedbox.core.errors import StorageUnavailable
from deedbox.storage.migrating import (
    Schema,
    WrongSchema,
    check_fits,
    is_postgresql,
    newest_revision,
    schema_of_file,
)
from deedbox.storage.pool_options import PoolOptions, ServerFacts
from deedbox.storage.sqlite import SQLiteStorage

if TYPE_CHECKING:
    from deedbox.storage.postgresql import PostgreSQLStorage

DATABASE_NAME = "deedbox.sqlite"
#: A database, for whoever opened it and will close it.
OpenedStorage = Union[SQLiteStorage, "PostgreSQLStorage"]


class FolderInUse(Exception):
    """Another process works on this data folder."""


class FolderLock:
    """Held while a process works on a data folder; released by `release()` or when the process ends.

    Raises FolderInUse when another process holds it, OSError when the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "deedbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode() or "unknown"
            os.close(self._file)
            raise FolderInUse(
                f"Another Deedbox (process {holder}) uses {folder}. "
                "Stop it first, or give --data another folder."
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the next process in."""
        os.close(self._file)


def database_path(url: str) -> Path:
    """Return the file of a `sqlite:PATH` URL. Raises ValueError for any other database."""
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite" or not rest.strip("/"):
        raise ValueError(
            f"The database URL begins with {scheme!r}; SQLite's is sqlite:FOLDER/{DATABASE_NAME}, "
            "PostgreSQL's postgresql://USER@HOST/DATABASE"
        )
    return Path(rest.removeprefix("///") if rest.startswith("///") and not rest.startswith("////") else rest)


async def open_storage(url: str, options: PoolOptions | None = None) -> OpenedStorage:
    """Open a database whose schema fits this release.

    Raises WrongSchema, saying what to run; StorageUnavailable, saying why, where PostgreSQL can't be used.
    """
    schema = schema_of(url)
    check_fits(schema)
    if schema.revision is None or schema.revision < newest_revision():
        raise WrongSchema(
            f"The database has schema {schema.revision or 'none'}; this release needs {newest_revision()}. "
            "Run: deedbox migrate"
        )
    if not is_postgresql(url):
        return SQLiteStorage(database_path(url))
    from deedbox.storage.postgresql import PostgreSQLStorage  # noqa: PLC0415 - asyncpg is an extra

    return await PostgreSQLStorage.open(url, options or PoolOptions())


def schema_of(url: str) -> Schema:
    """Return the schema of a database. Reads only.

    Raises ValueError for a URL of neither kind, StorageUnavailable where PostgreSQL can't be used.
    """
    if not is_postgresql(url):
        return schema_of_file(database_path(url))
    check_extra()
    from deedbox.storage import postgresql_schema  # noqa: PLC0415 - asyncpg is an extra

    return postgresql_schema.schema_of(url)


def server_facts(url: str) -> ServerFacts:
    """Return what is to be known about a PostgreSQL server and the database. Raises StorageUnavailable."""
    check_extra()
    from deedbox.storage import postgresql_schema  # noqa: PLC0415 - asyncpg is an extra

    return postgresql_schema.server_facts(url)


def check_extra() -> None:
    """Raise StorageUnavailable, saying what to install, where PostgreSQL's driver is missing."""
    if find_spec("asyncpg") is None or find_spec("greenlet") is None:
        raise StorageUnavailable(
            "PostgreSQL needs the extra 'postgresql'. Install it: pip install 'deedbox[postgresql]'"
        )
