"""Options that several commands share, and how their values become settings."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from deedbox.config.loading import Loaded, load
from deedbox.config.sources import BadSettings

DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="FOLDER", help="Folder of everything Deedbox keeps; made if missing."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="TOML file with settings.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database-url", metavar="URL", help="The database; by default SQLite in the folder."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def loaded(options: Mapping[str, tuple[str, str | None]], file: Path | None) -> Loaded:
    """Return the settings in force; say what is wrong with them and exit with 2 when they can't be used.

    `options` maps a setting's name to its option and the value, None when it was not given.
    """
    try:
        return load(options, os.environ, file)
    except BadSettings as error:
        for problem in error.problems:
            print(f"deedbox: {problem}", file=sys.stderr)
        raise typer.Exit(2) from None


def folder_options(data: str | None, database_url: str | None) -> dict[str, tuple[str, str | None]]:
    """Return the options that say where the data lies."""
    return {"data.folder": ("--data", data), "database.url": ("--database-url", database_url)}
