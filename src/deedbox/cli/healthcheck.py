"""`deedbox healthcheck`."""

from typing import Annotated

import typer

from deedbox.cli.options import ConfigOption
from deedbox.cli.settings import loaded


def healthcheck(
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where the server is; by default where the settings say it listens."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Ask the server on this machine whether it is ready. Exit code 1: it is not, or does not answer."""
    from deedbox.main.asking_health import ask_readiness, own_address

    readiness = ask_readiness(url or own_address(loaded({}, config).settings))
    print(readiness)
