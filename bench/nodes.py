"""What does it take that a device is on one node and its people are on another, and what when a node dies?

    make bench BENCH=nodes
    .venv/bin/python -m bench.nodes --only A,B --json

Two nodes over one PostgreSQL and one NATS, all of them on this machine, which is also where device, browser
and callers run: no network in between. What is acknowledged is on the disk. Times are seen from outside.

Needs nats-server (Debian: nats-server).
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from bench.nodes_failing import after_database_restart, failover, lease_moves
from bench.nodes_site import Site, opened_site
from bench.nodes_talking import round_trips, watching

_PARTS: dict[str, Callable[[Site, int], dict[str, list[float]]]] = {
    "A": round_trips,
    "B": watching,
    "C": failover,
    "D": lease_moves,
    "E": after_database_restart,
}


class Line(msgspec.Struct):
    """A question and how long it took, in milliseconds, each time it was asked."""

    question: str
    times_ms: list[float]

    def cells(self) -> Sequence[str]:
        """Return how often, the middle, the 99th percentile and the most."""
        ordered = sorted(self.times_ms)
        p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
        shown = (statistics.median(ordered), p99 if len(ordered) >= 100 else None, ordered[-1])
        return [f"{len(ordered):,}", *("" if it is None else f"{it:,.2f}" for it in shown)]


def main(
    only: Annotated[str, typer.Option(help="Which parts, as A,C.")] = "A,B,C,D,E",
    calls: Annotated[int, typer.Option(min=1, help="How often parts A and B ask.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, help="How often parts C to E kill.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print how long things take between two nodes."""
    names = [it.strip().upper() for it in only.split(",")]
    if unknown := [it for it in names if it not in _PARTS]:
        raise typer.BadParameter(f"there is no part {unknown[0]}; expected some of {','.join(_PARTS)}")
    lines, progress, began = [], Console(stderr=True), time.monotonic()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="deedbox-nodes-")))
        folder.chmod(0o755)  # PostgreSQL runs as somebody else when this is run by the superuser
        site = opened.enter_context(opened_site(folder))
        for name in names:
            progress.print(f"[dim]{time.monotonic() - began:4.0f} s  part {name}")
            found = _PARTS[name](site, calls if name in "AB" else rounds)
            lines += [Line(question, times_ms) for question, times_ms in found.items()]
    busy = os.getloadavg()[0]
    if as_json:
        sys.stdout.write(msgspec.json.encode({"load": busy, "lines": lines}).decode() + "\n")
    else:
        _show(lines, busy)


def _show(lines: Sequence[Line], busy: float) -> None:
    table = Table(title="Two nodes, PostgreSQL and NATS on one machine; milliseconds", title_justify="left")
    for heading in ("from … to …", "times", "p50", "p99", "most"):
        table.add_column(heading, justify="left" if heading.startswith("from") else "right")
    for line in lines:
        table.add_row(line.question, *line.cells())
    console = Console(width=130)
    console.print(table)
    console.print(f"The machine's load was {busy:.1f} at the end; two processors are busy at 2.")


if __name__ == "__main__":
    typer.run(main)
