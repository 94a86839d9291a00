"""Moves commits from SQLite's log into the database file, beside the writer instead of inside a commit.

The log is durable by itself; a checkpoint only keeps it short. A thread does nearly all of it. What was
committed meanwhile is left for the writer, which alone can start the log anew while others keep writing.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)

_PAUSE_S = 0.1
#: Pages of log from which on the writer is asked to finish a checkpoint, so that the log starts anew.
_LONG_LOG_PAGES = 8_000
#: Only if the thread should fail: then the writer does it all.
FALLBACK_PAGES = 100_000


class Checkpointer:
    """A thread that checkpoints after commits; it sleeps while nothing is written."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._file = os.open(path, os.O_RDONLY)
        self._committed = threading.Event()
        self._closing = threading.Event()
        self._finish_wanted = False
        self._thread = threading.Thread(target=self._run, name="sqlite-checkpoint", daemon=True)
        self._thread.start()

    def after_commit(self, writer: sqlite3.Connection) -> None:
        """Call after each commit, on the writer's thread."""
        if self._finish_wanted:
            self._finish_wanted = False
            self._checkpoint(writer)
        self._committed.set()

    def close(self) -> None:
        """End the thread; what is left in the log is safe there."""
        self._closing.set()
        self._committed.set()
        self._thread.join()

    def release_file(self) -> None:
        """Call after the last connection is closed: closing any handle of a file drops its POSIX locks."""
        os.close(self._file)

    def _run(self) -> None:
        connection = self._connect()
        while not self._closing.is_set():
            self._committed.wait()
            self._closing.wait(_PAUSE_S)
            self._committed.clear()
            if self._move(connection) > _LONG_LOG_PAGES:
                self._move(connection)  # the second round is short, and what it leaves shorter still
                self._finish_wanted = True
        connection.close()

    def _move(self, connection: sqlite3.Connection) -> int:
        pages = self._checkpoint(connection)
        # SQLite syncs the file only at a checkpoint's end, which would leave all of it to the writer.
        try:
            os.fdatasync(self._file)
        except OSError as error:  # a full or failing disk must not end this thread
            _log.warning("checkpoint not synced: %s", error)
        return pages

    def _checkpoint(self, connection: sqlite3.Connection) -> int:
        """Move what can be moved without waiting for anybody; return how many pages the log has."""
        try:
            _, pages, _ = connection.execute("pragma wal_checkpoint(passive)").fetchone()
        except sqlite3.Error as error:
            # Nothing is lost: the log keeps it, and the next commit meets the same trouble by itself.
            _log.warning("checkpoint failed: %s", error)
            return 0
        return int(pages)
