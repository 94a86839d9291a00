"""How many claims a second does one server take, and does the number of devices matter?

    .venv/bin/python -m bench.claims --devices 10000 --devices 1000000 --seconds 6
    .venv/bin/python -m bench.claims --postgresql --devices 10000 --devices 1000000 --seconds 6

For each number of devices: the bare guarded statement with group commit (the limit), the whole claim without
HTTP, and claims over REST with sign-in tokens by 32 clients. All are durable: answered after the commit is on
the disk. Databases are kept in the folder `--cache` and used up claim by claim. On SQLite the server has the
first processor; PostgreSQL, the server and the load share all. Needs wrk (Debian: wrk).
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench.claims_deployment import Database, Deployment, device_name, save, secret_key
from bench.claims_over_rest import claims_over_rest
from bench.claims_postgresql import postgresql_database
from bench.claims_sqlite import sqlite_database
from bench.postgresql_server import processor_s, running
from deedbox.core.claim_requests import Answer, ClaimRequest
from deedbox.core.claiming import claim
from deedbox.core.deeds import Opening, Reason
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.records import Actor
from deedbox.core.storage import Stores
from deedbox.security.key_file import load_or_make
from deedbox.storage.opening import open_storage

_SHUFFLE_SEED = 20_261_123
console = Console(width=110)


class Measured(msgspec.Struct):
    """One way of claiming: its rate and its latencies."""

    way: str
    devices: int
    claims: int
    seconds: float
    p50_ms: float
    p99_ms: float
    #: Processor time per claim, of Deedbox (without HTTP: and of whoever asks) and of PostgreSQL's processes.
    server_us: float = 0.0
    database_us: float = 0.0

    @property
    def per_second(self) -> float:
        """Claims per second."""
        return self.claims / self.seconds


def fdatasync_ms(folder: Path) -> float:
    """Return the median of 200 appends of 4 KiB with fdatasync: what a commit costs on this disk."""
    file = os.open(folder / "fdatasync", os.O_RDWR | os.O_CREAT)
    durations = []
    for _ in range(200):
        os.write(file, b"x" * 4096)
        start = time.perf_counter()
        os.fdatasync(file)
        durations.append((time.perf_counter() - start) * 1000)
    os.close(file)
    return statistics.median(durations)


class Stock:
    """Devices of a database that nobody has claimed yet, in random order."""

    def __init__(self, folder: Path, deployment: Deployment) -> None:
        self._folder = folder
        self._deployment = deployment

    def take(self, count: int) -> list[int]:
        """Return numbers of `count` devices, which are then used up."""
        it = self._deployment
        if it.next_device + count > it.devices:
            raise typer.BadParameter(f"{self._folder} is used up; delete it")
        numbers = _spread(it.devices, range(it.next_device, it.next_device + count))
        it.next_device += count
        save(self._folder, it)
        return numbers


def _spread(devices: int, positions: range) -> list[int]:
    """Return the numbers at these positions of a fixed permutation of all devices."""
    step = random.Random(_SHUFFLE_SEED).randrange(devices // 3, devices) | 1
    while _common_divisor(step, devices) != 1:
        step += 2
    return [position * step % devices for position in positions]


def _common_divisor(one: int, other: int) -> int:
    while other:
        one, other = other, one % other
    return one


async def _measure(
    way: str,
    database: Database,
    devices: int,
    numbers: Sequence[int],
    once: Callable[[int, int], Awaitable[None]],
    clients: int,
) -> Measured:
    """Let `clients` ask one after the other each until all numbers are used up."""
    waiting, latencies = list(numbers), []

    async def client(index: int) -> None:
        while waiting:
            start = time.perf_counter()
            await once(index, waiting.pop())
            latencies.append((time.perf_counter() - start) * 1000)

    own_s, database_s, start = processor_s(os.getpid()), database.processor_s(), time.perf_counter()
    await asyncio.gather(*[client(index) for index in range(clients)])
    seconds = time.perf_counter() - start
    own_s, database_s = processor_s(os.getpid()) - own_s, database.processor_s() - database_s
    latencies.sort()
    count = len(latencies)
    return Measured(
        way,
        devices,
        count,
        seconds,
        latencies[count // 2],
        latencies[count * 99 // 100],
        own_s / count * 1e6,
        database_s / count * 1e6,
    )


async def without_http(
    database: Database, it: Deployment, keys: KeyRing, taken: tuple[list[int], list[int]], clients: int
) -> list[Measured]:
    """Measure the bare guarded statement, then the whole claim."""
    storage = await open_storage(database.url)
    policy = ClaimPolicy()
    actors = [Actor(it.tenant_id, customer, user, "user@example.com") for customer, user, _ in it.customers]

    async def bare(stores: Stores, openings: Sequence[Opening]) -> Sequence[Any]:
        opened = await stores.claims.open_deeds(openings)
        return [opened[opening.deed_id] for opening in openings]

    async def decide(stores: Stores, requests: Sequence[ClaimRequest]) -> Sequence[Any]:
        return await claim(requests, stores.claims, keys, policy)

    open_deed, claim_device = storage.batched(bare), storage.batched(decide)
    openings = {number: await _opening(storage, it, keys, number, actors) for number in taken[0]}

    async def statement(_: int, number: int) -> None:
        await open_deed(openings[number])

    async def whole(index: int, number: int) -> None:
        actor = actors[index % len(actors)]
        wish = ClaimRequest(
            actor, actor.customer_id or it.tenant_id, "Customer", device_name(number), secret_key(number)
        )
        outcome = await claim_device(wish)
        assert outcome.answer is Answer.SUCCESS, outcome

    try:
        limit = await _measure("statement alone (limit)", database, it.devices, taken[0], statement, clients)
        core = await _measure("whole claim, no HTTP", database, it.devices, taken[1], whole, clients)
    finally:
        await storage.close()
    return [limit, core]


async def _opening(
    storage: Any, it: Deployment, keys: KeyRing, number: int, actors: Sequence[Actor]
) -> Opening:
    async def work(stores: Stores) -> Opening:
        named = (it.tenant_id, device_name(number))
        state = (await stores.claims.lock_named_devices([named]))[named]
        actor = actors[number % len(actors)]
        return Opening(
            deed_id=stores.claims.new_id(),
            device_id=state.device.id,
            customer_id=actor.customer_id or it.tenant_id,
            actor=actor,
            reason=Reason.CLAIM,
            now_ms=await stores.claims.now_ms(),
            window=state.windows[0],
            burnt=(state.windows[0].digest,),
        )

    opening: Opening = await storage.look(work)
    return opening


def show(rows: Sequence[Measured], sync_ms: float) -> None:
    """Print the table, each row with its ratio to the limit of the same database."""
    table = Table(title=f"Durable claims; one fdatasync here takes {sync_ms:.2f} ms")
    headings = (
        "devices",
        "way",
        "claims/s",
        "of limit",
        "p50 ms",
        "p99 ms",
        "server µs",
        "database",
        "claims",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "way" else "right", no_wrap=True)
    limits = {row.devices: row.per_second for row in rows if "limit" in row.way}
    for row in rows:
        ratio = f"{row.per_second / limits[row.devices]:.2f}"
        cells = [f"{row.devices:,}", row.way, f"{row.per_second:,.0f}", ratio]
        times = (f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}", f"{row.server_us:.0f}", f"{row.database_us:.0f}")
        table.add_row(*cells, *times, f"{row.claims:,}")
    console.print(table)


@contextmanager
def _databases(cache: Path, postgresql: bool) -> Iterator[Callable[[int], Database]]:
    """Yield what opens the database for a number of devices."""
    if not postgresql:
        yield lambda devices: sqlite_database(cache, devices)
        return
    with running(cache / "postgresql") as server:
        console.print(server.summary)
        yield lambda devices: postgresql_database(cache, server, devices)


def measure(database: Database, devices: int, seconds: int, clients: int) -> list[Measured]:
    """Measure all ways on one database."""
    keys = load_or_make(database.folder / "secret.key")
    deployment = database.build(devices, keys)
    stock, each = Stock(database.folder, deployment), min(seconds * 5_000, devices // 10)
    taken = stock.take(each), stock.take(each)
    database.warm()
    rows = asyncio.run(without_http(database, deployment, keys, taken, clients))
    for_rest = max(1, seconds if devices > 100_000 else 1)
    numbers = stock.take(min(for_rest * 12_000, devices - 2 * each))
    database.warm()
    rest = claims_over_rest(database, deployment, keys, numbers, clients, for_rest)
    return [*rows, Measured("claims over REST", devices, *rest)]


def main(
    devices: Annotated[list[int] | None, typer.Option(help="How many devices; may be repeated.")] = None,
    seconds: Annotated[int, typer.Option(help="About how long each row is measured.")] = 6,
    clients: Annotated[int, typer.Option(help="How many clients ask at a time.")] = 32,
    cache: Annotated[Path, typer.Option(help="Where databases are kept.")] = Path(".bench"),
    *,
    postgresql: Annotated[bool, typer.Option("--postgresql", help="Measure PostgreSQL.")] = False,
) -> None:
    """Print claims per second and latencies for each number of devices."""
    rows: list[Measured] = []
    cache.mkdir(exist_ok=True)
    sync_ms = fdatasync_ms(cache)
    with _databases(cache, postgresql) as database_of:
        for count in devices or [10_000, 1_000_000]:
            rows += measure(database_of(count), count, seconds, clients)
    show(rows, sync_ms)


if __name__ == "__main__":
    typer.run(main)
