"""How many claims can three nodes on one PostgreSQL race for without ever being wrong?

Every person claims every device, through one of three nodes: one is told SUCCESS, all others CLAIMED, and the
database holds one deed, one entry of the ledger, one event and one audit entry for each. Ends with 1 if not.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.acceptance.cluster_site import Cluster, running_cluster
from tests.acceptance.crowd import new_crowd
from tests.acceptance.own_postgresql import own_postgresql
from tests.acceptance.raced_claims import KEY, miscounts, race

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
console = Console()


async def soak(cluster: Cluster, people: int, devices: int) -> bool:
    """Make everybody, race, look; tell whether all is right."""
    crowd = await new_crowd(cluster.members[0].server, people, max(1, people // 2))
    gadgets = await crowd.gadgets(devices)
    await crowd.announce(gadgets, KEY)
    ports = [it.server.port for it in cluster.members]
    began_s = time.perf_counter()
    with Progress(*_COLUMNS, console=console) as progress:
        task = progress.add_task("claims", total=people * devices)
        raced = await race(crowd, gadgets, ports, lambda: progress.advance(task))
    took_s = time.perf_counter() - began_s
    wrong = raced.wrong + await miscounts(cluster.url, devices)
    said = ", ".join(f"{count:,} {answer}" for answer, count in sorted(raced.answers.items()))
    console.print(f"{people} people, {devices:,} devices, {len(ports)} nodes: {said} in {took_s:.0f} s")
    for it in wrong[:20]:
        console.print(f"WRONG: {it}", style="red")
    if not wrong:
        console.print("One owner each; deeds, ledger, events and audit log agree.", style="green")
    return not wrong


def main() -> int:
    """Run the soak; return the exit status."""
    options = argparse.ArgumentParser(prog="python -m bench.soak_races", description=__doc__)
    options.add_argument("--claims", type=int, default=100_000, help="how many, over all devices (100000)")
    options.add_argument("--people", type=int, default=50, help="how many claim each device (50)")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="deedbox-races-") as name:
        folder = Path(name)
        with (
            own_postgresql(folder / "postgresql") as database,
            running_cluster(folder, database.url) as cluster,
        ):
            return 0 if asyncio.run(soak(cluster, asked.people, asked.claims // asked.people)) else 1


if __name__ == "__main__":
    sys.exit(main())
