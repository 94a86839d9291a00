"""Does anything that was acknowledged get lost when nodes are killed with -9, two hundred times?

Three nodes on one PostgreSQL and one NATS. Devices and people claim, reclaim, announce, measure, report and
command through whichever node lives; each knows what it was promised, and looks for it whenever an answer is
missing. Killed nodes are started again; at the end all of it is looked for. Ends with 1 if anything is wrong.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.acceptance.cluster_site import running_cluster
from tests.acceptance.kill_soak import ENVIRONMENT, Survived, survive
from tests.acceptance.own_postgresql import own_postgresql

_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
console = Console()


def main() -> int:
    """Run the soak; return the exit status."""
    options = argparse.ArgumentParser(prog="python -m bench.soak_kills", description=__doc__)
    options.add_argument("--kills", type=int, default=200, help="how often a node is killed (200)")
    options.add_argument("--seed", type=int, default=20_261_123, help="of all dice; it is printed")
    asked = options.parse_args()
    console.print(f"seed {asked.seed}")
    began_s = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="deedbox-kills-") as name, Progress(*_COLUMNS) as progress:
        task = progress.add_task("kills", total=asked.kills)
        folder = Path(name)
        with (
            own_postgresql(folder / "db") as database,
            running_cluster(folder, database.url, ENVIRONMENT) as cluster,
        ):
            survived = asyncio.run(survive(cluster, asked.kills, asked.seed, lambda: progress.advance(task)))
    show(survived, time.perf_counter() - began_s)
    return 1 if survived.wrong else 0


def show(survived: Survived, took_s: float) -> None:
    """Print what was acknowledged, and what is wrong."""
    table = Table("acknowledged", "times", title=f"{survived.kills} kills in {took_s:.0f} s")
    for step, count in sorted(survived.steps.items()):
        table.add_row(step, f"{count:,}")
    for name, count in survived.telemetry._asdict().items():
        table.add_row(f"numbered telemetry: {name}", f"{count:,}")
    for answer, count in sorted(survived.commands.items()):
        table.add_row(f"commands: {answer}", f"{count:,}")
    console.print(table)
    for it in survived.wrong[:20]:
        console.print(f"WRONG: {it}", style="red")
    if not survived.wrong:
        console.print("Nothing acknowledged was lost; no device has two owners.", style="green")


if __name__ == "__main__":
    sys.exit(main())
