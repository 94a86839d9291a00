"""What can keep a command from doing its work, as one kind of failure that says what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from deedbox.core.errors import StorageUnavailable
from deedbox.security.key_file import KeyFileError
from deedbox.serving.listeners import CannotListen
from deedbox.serving.supervision import WorkersFailed
from deedbox.storage.backup_seals import NoBackup
from deedbox.storage.backups import DamagedDatabase
from deedbox.storage.copy_source import CopyRefused
from deedbox.storage.migrating import WrongSchema
from deedbox.storage.opening import FolderInUse


class CannotStart(Exception):
    """A command can't do its work here; says why and what to do next."""


@contextmanager
def understandable() -> Iterator[None]:
    """Turn what the parts raise about folder, database, keys and sockets into CannotStart."""
    try:
        yield
    except (FolderInUse, WrongSchema, CannotListen, KeyFileError, NoBackup, WorkersFailed) as error:
        raise CannotStart(str(error)) from error
    except CopyRefused as error:
        raise CannotStart(str(error)) from error
    except DamagedDatabase as error:
        raise CannotStart(
            f"The database is damaged: {error}. Keep the backups you have; restore the newest one "
            "that is whole."
        ) from error
    except StorageUnavailable as error:
        raise CannotStart(_why(error)) from error
    except sqlite3.DatabaseError as error:
        raise CannotStart(
            f"The database can't be used: {error}. `deedbox doctor` looks closer; "
            "restore a backup if the file is damaged."
        ) from error


def _why(error: StorageUnavailable) -> str:
    if error.message != StorageUnavailable().message:
        return error.message
    return (
        "The database can't be written: the disk is full, read-only or failing. "
        "`deedbox doctor` looks closer."
    )
