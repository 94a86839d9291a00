"""`deedbox doctor`."""

import json
import sys

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption, JsonOption
from deedbox.cli.settings import folder_options, loaded

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor(
    data: DataOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check folder, disk, clock, database, key file, addresses and certificate. Exit code 1: one failed."""
    from deedbox.main.examining import examine
    from deedbox.main.findings import Status

    findings = examine(loaded(folder_options(data, database_url), config).settings)
    if as_json:
        rows = [{"check": it.check, "status": it.status, "text": it.text} for it in findings]
        print(json.dumps(rows, indent=2))
    else:
        _print([(it.status, it.check, it.text) for it in findings])
    if any(it.status is Status.FAILED for it in findings):
        raise typer.Exit(1)


def _print(rows: list[tuple[str, str, str]]) -> None:
    from rich.console import Console
    from rich.text import Text

    # Width and colours for people on a terminal; plain lines for everything else.
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
    for status, check, text in rows:
        console.print(Text.assemble((f"{status:<8}", _COLOURS[status]), f"{check:<12} {text}"))
