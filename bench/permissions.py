"""How long does a decision take for somebody who is in many groups?

    .venv/bin/python -m bench.permissions --groups 100

Processor time of one process, decision by decision, with the look at the clock in it. Somebody without roles
of their own comes first, in the same run: what the others take beside it is the price of groups. A thing's
groups are looked up in the database only where a decision needs them; the last line has that look, on SQLite,
for a thing in as many groups.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time_ns
from typing import Annotated

import msgspec
import typer

from deedbox.core.access.lookup import with_groups
from deedbox.core.access.resolving import Gift, Membership, grants_of
from deedbox.core.permissions import Authority, Operation, Principal, Resource, Target, may
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ACME, TENANT, made_id
from tests.storage.sqlite_bench import SQLiteBench, new_database

_DEVICE = made_id(9)


def _somebody(groups: int) -> Principal:
    """Somebody whose groups each have a generic role and one for a group of devices."""
    generic = json.dumps({"DEVICE": ["READ"]})
    gifts = [Gift(f"group {n}", "role", generic) for n in range(groups)]
    gifts += [Gift(f"group {n}", "role", '["RPC_CALL"]', made_id(1000 + n), "DEVICE") for n in range(groups)]
    authority = Authority.TENANT_ADMIN
    grants = grants_of(authority, Membership(in_default=not groups, gifts=tuple(gifts)))
    return Principal(made_id(1), authority, TENANT, None, "x@example.com", made_id(2), grants=grants)


def _times(decide: Callable[[], bool], wanted: bool, rounds: int) -> Iterator[float]:
    """Yield microseconds of processor time of each decision."""
    for _ in range(rounds):
        started = process_time_ns()
        decided = decide()
        yield (process_time_ns() - started) / 1000
        if decided is not wanted:
            raise SystemExit("a decision came out wrong")


def _told(name: str, times: Iterator[float]) -> None:
    found = sorted(times)
    p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
    print(f"{name:<46} p50 {p50:7.2f} us   p99 {p99:7.2f} us   most {found[-1]:8.2f} us")


async def _looked_up(somebody: Principal, groups: int, rounds: int) -> None:
    """Decide with the groups of a device that is in as many as somebody has roles for."""
    target = Target(Resource.DEVICE, TENANT, ACME, _DEVICE)
    with TemporaryDirectory() as folder:
        bench = SQLiteBench(new_database(Path(folder)))
        for number in range(groups):
            bench.sql("insert into group_member values (?, ?)", made_id(1000 + number), _DEVICE)

        async def work(stores: Stores) -> bool:
            known = await with_groups(stores.access, somebody, Operation.RPC_CALL, target)
            return may(somebody, Operation.RPC_CALL, known)

        times = []
        for _ in range(rounds):
            started = process_time_ns()
            if not await bench.storage.look(work):
                raise SystemExit("a decision came out wrong")
            times.append((process_time_ns() - started) / 1000)
        _told("with the device's groups looked up", iter(times))
        await bench.close()


def main(
    groups: Annotated[int, typer.Option(help="Groups of users that somebody is in.")] = 100,
    rounds: Annotated[int, typer.Option(help="Measurements of each kind.")] = 20_000,
) -> None:
    """Print what decisions take."""
    plain, somebody = _somebody(0), _somebody(groups)
    own = Target(Resource.DEVICE, TENANT, ACME, _DEVICE)
    last = msgspec.structs.replace(own, groups=frozenset({made_id(999 + groups)}))
    _told("no roles of one's own", _times(lambda: may(plain, Operation.READ, own), True, rounds))
    _told(
        f"{groups} groups, by a generic role",
        _times(lambda: may(somebody, Operation.READ, own), True, rounds),
    )
    calls = Operation.RPC_CALL
    _told(f"{groups} groups, by a role for a group", _times(lambda: may(somebody, calls, last), True, rounds))
    refused = Operation.DELETE
    _told(f"{groups} groups, refused", _times(lambda: may(somebody, refused, own), False, rounds))
    asyncio.run(_looked_up(somebody, groups, rounds // 10))


if __name__ == "__main__":
    typer.run(main)
