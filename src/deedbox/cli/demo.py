"""`deedbox demo`."""

import contextlib
import threading
from typing import Annotated

import typer

_PORT = 8080


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Play the whole story unattended, print each step, stop.")
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="Serve this machine only, not phones on the local network.")
    ] = False,
) -> None:
    """Show claiming with a server, a maker, two households and two simulated devices; nothing is kept."""
    from deedbox.cli.demonstration.server import DemoFailed
    from deedbox.cli.interrupting import end_as_interrupted

    # A closed terminal ends it as Ctrl-C does: the server must not outlive the demonstration.
    end_as_interrupted()
    try:
        if once:
            _once()
        else:
            _until_interrupted("127.0.0.1" if local else "0.0.0.0")  # noqa: S104 - for a phone on the LAN
    except DemoFailed as error:
        typer.echo(f"deedbox: {error}", err=True)
        raise typer.Exit(1) from None


def _once() -> None:
    from deedbox.cli.demonstration.server import demo_server
    from deedbox.cli.demonstration.story import play
    from deedbox.cli.demonstration.terminal import console

    with demo_server("127.0.0.1", None) as server:
        play(server)
    console.print("\n[bold green]The whole story came out.[/]")


def _until_interrupted(host: str) -> None:
    from deedbox.cli.demonstration.live import show
    from deedbox.cli.demonstration.server import demo_server
    from deedbox.cli.demonstration.terminal import console

    try:
        with demo_server(host, _PORT) as server, show(server, host):
            threading.Event().wait()
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be what went away
            console.print("\nStopped; nothing is kept.")
