"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

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
