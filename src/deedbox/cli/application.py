"""All commands under one name, and how failures are told: on the standard error, with an exit code."""

import importlib
import importlib.util

import typer

from deedbox.cli import (
    access,
    backup,
    config,
    copy,
    doctor,
    healthcheck,
    migrate,
    restore,
    secrets,
    serve,
    version,
)
from deedbox.cli.failing import failing

commands = typer.Typer(
    name="deedbox",
    help="The open server where devices are claimed by the people who own them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.command("serve")(serve.serve)
commands.command("migrate")(migrate.migrate)
commands.command("backup")(backup.backup)
commands.command("restore")(restore.restore)
commands.command("copy")(copy.copy)
commands.command("config")(config.config)
commands.add_typer(secrets.commands, name="secrets")
commands.add_typer(access.commands, name="access")
commands.command("doctor")(doctor.doctor)
commands.command("healthcheck")(healthcheck.healthcheck)
commands.command("version")(version.version)
_DEMO = "deedbox.cli.demo"
if importlib.util.find_spec(_DEMO):
    commands.command("demo")(importlib.import_module(_DEMO).demo)


@commands.callback()
def _whole(
    show_version: bool = typer.Option(
        False, "--version", help="Print the version and stop.", is_eager=True, callback=version.print_version
    ),
) -> None:
    """The open server where devices are claimed by the people who own them."""


def run() -> None:
    """Run the command line; end the process with its exit code."""
    with failing():
        commands()
