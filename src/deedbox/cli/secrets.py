"""`deedbox secrets`: the keys in the key file."""

import sys
from typing import Annotated

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption
from deedbox.cli.settings import folder_options, loaded

commands = typer.Typer(help="Keys for encryption, digests and sign-in tokens.", no_args_is_help=True)


@commands.callback()
def _secrets() -> None:
    """Keys for encryption, digests and sign-in tokens."""


@commands.command("rotate")
def rotate(
    data: DataOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Then remove older keys that nothing stored needs any more.")
    ] = False,
) -> None:
    """Add new keys and protect everything stored with them; older keys stay for what can't be renewed.

    The server must be stopped. Devices keep their tokens; people stay signed in unless their keys are pruned.
    """
    from rich.console import Console
    from rich.progress import Progress

    from deedbox.main.rotating import rotate_secrets

    settings = loaded(folder_options(data, database_url), config).settings
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        bar = progress.add_task("Renewing", total=None)
        rotated = rotate_secrets(
            settings, prune=prune, tell=lambda done, total: progress.update(bar, completed=done, total=total)
        )
    print(f"Key generation {rotated.newest} is in use; {rotated.renewed} rows were renewed.")
    if rotated.pruned:
        print(f"Removed generations: {', '.join(map(str, rotated.pruned))}.")
    if rotated.kept:
        print(f"Older generations that are kept: {', '.join(map(str, rotated.kept))}.")
