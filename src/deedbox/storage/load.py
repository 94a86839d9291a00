"""How busy a database is at this moment, for metrics."""

from typing import NamedTuple


class Load(NamedTuple):
    """What waits, and what is in use. `uses` and `wait_s` (for a connection) have grown since the start."""

    waiting_writes: int
    #: Who waits for a connection to write, or a thread to read.
    waiting_for_connection: int
    connections: int
    most_connections: int
    uses: int = 0
    wait_s: float = 0.0
