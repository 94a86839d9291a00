"""`deedbox version`."""

import typer

from deedbox import __version__


def version() -> None:
    """Print the version."""
    print(__version__)


def print_version(asked: bool) -> None:
    """Print the version and stop, when asked to."""
    if asked:
        version()
        raise typer.Exit
