"""The thread that shortens SQLite's log outlives a disk that fails it."""

import logging
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from deedbox.storage.checkpoints import Checkpointer
from deedbox.storage.sqlite import connect
from tests.storage.sqlite_bench import new_database

LONGEST_WAIT_S = 30


class Heard(logging.Handler):
    """Counts warnings; `another` is set by each."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.another = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Hear one."""
        self.another.set()


def test_a_disk_that_cannot_be_synced_does_not_end_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 2: /dev/null can't be synced; the thread says so after each commit, and checkpoints on."""
    path, heard = new_database(tmp_path), Heard()
    log = logging.getLogger("deedbox.storage.checkpoints")
    log.addHandler(heard)
    writer = connect(path)
    checkpointer = Checkpointer(Path(os.devnull), lambda: connect(path))
    try:
        for number in range(3):
            heard.another.clear()
            _commit(writer, number)
            checkpointer.after_commit(writer)
            assert heard.another.wait(LONGEST_WAIT_S)
    finally:
        checkpointer.close()
        checkpointer.release_file()
        writer.close()
        log.removeHandler(heard)
    assert "not synced" in caplog.text


def _commit(writer: sqlite3.Connection, number: int) -> None:
    row = (number.to_bytes(16, "big"), number, number.to_bytes(16, "big"))
    writer.execute("insert into spent_attempt (scope, spent_at, id) values (?, ?, ?)", row)
