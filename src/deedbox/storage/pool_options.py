"""What a process may use of PostgreSQL and what it finds there; known where asyncpg is not installed, too."""

import msgspec


class PoolOptions(msgspec.Struct, frozen=True):
    """How many connections one process uses to each server, and whether statements stay prepared in them.

    `replica_urls` name servers that follow; a read of the past waits at most `replica_wait_ms` for one.
    """

    connections: int = 10
    prepared_statements: bool = True
    replica_urls: tuple[str, ...] = ()
    replica_wait_ms: int = 500


class ServerFacts(msgspec.Struct, frozen=True):
    """A server and a database, as somebody who looks closer wants to know them.

    `clock_ms` is the server's, `lowers_letters`: searches find "Ärzte" by "ärzte", too.
    """

    version: str
    clock_ms: int
    lowers_letters: bool
    holds_users: bool
    #: Whether commits reach the disk, and whether answers wait for that.
    syncs: bool = True
    synchronous_commit: str = "on"
    #: For all that is not a superuser.
    most_connections: int = 0
    #: The same of a server and its replicas, and of no others; whether it is a replica.
    identity: str = ""
    follows: bool = False

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.split(".")[0].split()[0])
