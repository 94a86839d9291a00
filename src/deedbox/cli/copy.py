"""`deedbox copy`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from deedbox.cli.options import ConfigOption, DataOption, JsonOption
from deedbox.cli.settings import loaded

if TYPE_CHECKING:
    from deedbox.main.copying import CopyMade, KeysToBring


def copy(  # noqa: PLR0913, PLR0917 - one parameter per option is how Typer reads them
    source: Annotated[
        str,
        typer.Option("--from", metavar="URL", help="SQLite; by default the data folder's."),
    ] = "",
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL", help="PostgreSQL; by default database.url."),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an unfinished copy has brought; begin anew.")
    ] = False,
    verify_only: Annotated[
        bool, typer.Option("--verify-only", help="Copy nothing; compare both databases.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy a deployment from SQLite to an empty PostgreSQL, and compare both. No server may run on either.

    The source is not changed. A copy that was cut off goes on when the same command runs again.
    """
    from deedbox.cli.interrupting import end_as_interrupted
    from deedbox.cli.progress import progress_bar
    from deedbox.main.copying import CopyWishes
    from deedbox.main.copying import copy as move

    settings = loaded({"data.folder": ("--data", data), "database.url": ("--to", to)}, config).settings
    end_as_interrupted()
    with progress_bar() as tell:
        made = move(settings, CopyWishes(source, restart=restart, verify_only=verify_only), tell)
    if as_json:
        print(json.dumps(_for_machines(made), indent=2))
    else:
        print("\n".join([*_about_rows(made, verify_only), *_about_keys(made.keys), *_next(verify_only)]))


def _for_machines(made: "CopyMade") -> dict[str, object]:
    return {
        "source": str(made.source),
        "rows": made.rows,
        "rows_before": made.rows_before,
        "tables": made.tables,
        "key_file": str(made.keys.expected),
        "key_file_at_source": str(made.keys.at_source) if made.keys.at_source else None,
        "key_fingerprints": made.keys.fingerprints,
    }


def _about_rows(made: "CopyMade", verify_only: bool) -> list[str]:
    before = f", {made.rows_before:,} of them by a run before" if made.rows_before else ""
    copied = f"{made.rows:,} rows of {len(made.tables)} tables, from {made.source}{before}"
    return [
        f"{'Compared' if verify_only else 'Copied'}: {copied}",
        "Equal: the number of rows and the checksum of every table",
    ]


def _about_keys(keys: "KeysToBring") -> list[str]:
    from deedbox.cli.telling import key_file_lines

    lines = [f"NOT in the database: the key file. Servers will look for it at {keys.expected}"]
    if keys.at_source:
        lines.append(f"Bring it there, readable by their user only: {keys.at_source}")
    return lines + key_file_lines(keys.fingerprints)


def _next(verify_only: bool) -> list[str]:
    if verify_only:
        return []
    return [
        "Now servers may start on it, with database.url (DEEDBOX_DATABASE_URL). Start none on the source any",
        "more: what would be written there is not here.",
    ]
