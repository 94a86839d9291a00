"""`deedbox access`: who may do what."""

from typing import Annotated

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption
from deedbox.cli.settings import folder_options, loaded

commands = typer.Typer(help="Who may do what, and why.", no_args_is_help=True)


@commands.callback()
def _access() -> None:
    """Who may do what, and why."""


@commands.command("explain")
def explain(
    user: Annotated[str, typer.Option(metavar="EMAIL", help="Who: a user's address.")],
    operation: Annotated[str, typer.Option(metavar="NAME", help="What, as in a refusal: RPC_CALL.")],
    device: Annotated[str, typer.Option(metavar="NAME", help="To which device of the user's tenant.")],
    data: DataOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Say whether a user may do something to a device, and which rule, role or group says so.

    Exit code 1: it may not.
    """
    from deedbox.main.explaining import explain_access

    settings = loaded(folder_options(data, database_url), config).settings
    found = explain_access(settings, user, operation.upper(), device)
    print("allowed" if found.allowed else "not allowed", *(f"  {it}" for it in found.reasons), sep="\n")
    if not found.allowed:
        raise typer.Exit(1)
