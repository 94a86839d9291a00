"""What the parts of the MQTT benchmark found, and the tables that it is printed in."""

import statistics
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from bench.mqtt_load import MOST_OTHER_CORES
from bench.mqtt_servers import BARE_LIMIT, COAP_ALONE, HTTP_ALONE, MOSQUITTO

FAILED = "FAILED"
_OTHER = "other cores"
_PEERS = {
    "/ Mosquitto": MOSQUITTO,
    "/ bare limit": BARE_LIMIT,
    "/ HTTP alone": HTTP_ALONE,
    "/ CoAP alone": COAP_ALONE,
}


class Row(msgspec.Struct):
    """One server under one load: each figure once per round; `note` says what was checked."""

    server: str
    load: str
    figures: dict[str, list[float]] = {}
    note: str = ""

    def add(self, **figures: float) -> None:
        """Add a round's figures; underscores in their names become spaces."""
        for name, value in figures.items():
            self.figures.setdefault(name.replace("_", " "), []).append(value)


class Part(msgspec.Struct):
    """A question's answer. `main` names the figure whose ratios to the peers are shown, "" for none."""

    title: str
    main: str = ""
    rows: list[Row] = []
    remarks: list[str] = []

    @property
    def failures(self) -> list[str]:
        """Return what was promised and did not hold."""
        notes = [f"{row.server}, {row.load}: {row.note}" for row in self.rows]
        return [it for it in [*notes, *self.remarks] if FAILED in it]

    def row(self, server: str, load: str) -> Row:
        """Return the row of that server and load; it is made where there is none."""
        for row in self.rows:
            if (row.server, row.load) == (server, load):
                return row
        self.rows.append(Row(server, load))
        return self.rows[-1]


def show(part: Part, console: Console) -> None:
    """Print medians, with the least and the most where there were several rounds, and ratios of medians."""
    loads = list(dict.fromkeys(row.load for row in part.rows))
    columns = _columns(part)
    table = Table(title=part.title, title_justify="left")
    for heading in ("load", "server", *columns, "checked"):
        is_text = heading in {"load", "server", "checked"}
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=True)
    for row in sorted(part.rows, key=lambda it: loads.index(it.load)):
        table.add_row(row.load, row.server, *(_cell(part, row, it) for it in columns), row.note)
    console.print(table)
    for remark in dict.fromkeys(part.remarks):
        console.print(f"  {remark}")


def _columns(part: Part) -> list[str]:
    """Return the figures, the ratios behind the main one, and last how busy the machine was otherwise."""
    columns = list(dict.fromkeys(name for row in part.rows for name in row.figures if name != _OTHER))
    if part.main in columns:
        after = columns.index(part.main) + 1
        columns[after:after] = [
            it for it, peer in _PEERS.items() if any(row.server == peer for row in part.rows)
        ]
    return [*columns, _OTHER] if any(_OTHER in row.figures for row in part.rows) else columns


def _cell(part: Part, row: Row, column: str) -> str:
    if column in _PEERS:
        return _ratio(part, row, _PEERS[column])
    if column == _OTHER:
        return _others(row)
    values = row.figures.get(column, [])
    return _spread(values) if not part.main or column in {part.main, "p99 ms"} else _middle(values)


def _ratio(part: Part, row: Row, peer: str) -> str:
    both = [row.figures.get(part.main)]
    both += [it.figures.get(part.main) for it in part.rows if (it.server, it.load) == (peer, row.load)]
    own, *others = [statistics.median(it) for it in both if it] or [0.0]
    return f"{own / others[0]:.2f}" if others and others[0] else ""


def _middle(values: Sequence[float]) -> str:
    return _short(statistics.median(values)) if values else ""


def _spread(values: Sequence[float]) -> str:
    if len(set(values)) < 2:
        return _middle(values)
    return f"{_middle(values)} ({_short(min(values))}..{_short(max(values))})"


def _short(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,.1f}k"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _others(row: Row) -> str:
    """Return how busy the machine was with something else at worst, marked where that may have mattered."""
    if _OTHER not in row.figures:
        return ""
    most = max(row.figures[_OTHER])
    return f"{most:.2f}{' !' if most > MOST_OTHER_CORES else ''}"
