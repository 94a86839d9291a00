"""`deedbox config`."""

import json
from typing import Annotated

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption, JsonOption
from deedbox.cli.settings import folder_options, loaded


def config(
    data: DataOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Describe all settings as a Markdown table instead.")
    ] = False,
) -> None:
    """Show every setting in force and where it came from. Secrets are not shown."""
    from deedbox.config.reference import effective, reference_table

    if reference:
        print(reference_table())
        return
    rows = effective(loaded(folder_options(data, database_url), config))
    if as_json:
        print(json.dumps({row.name: {"value": row.value, "origin": row.origin} for row in rows}, indent=2))
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f"{row.name:<{width}}  {json.dumps(row.value, ensure_ascii=False)}  ({row.origin})")
