"""`deedbox backup`."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption, JsonOption
from deedbox.cli.settings import folder_options, loaded

if TYPE_CHECKING:
    from deedbox.main.backing_up import BackedUp


def backup(
    target: Annotated[
        str, typer.Argument(metavar="FILE|FOLDER", help="The file to write, or the folder to put it in.")
    ],
    data: DataOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a backup that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Copy the database to one file, checked, while the server may run. The key file is not in it."""
    from deedbox.cli.interrupting import end_as_interrupted
    from deedbox.cli.progress import progress_bar
    from deedbox.main.backing_up import back_up

    settings = loaded(folder_options(data, database_url), config).settings
    end_as_interrupted()
    with progress_bar() as tell:
        made = back_up(settings, target, force=force, tell=tell)
    print(json.dumps(_for_machines(made), indent=2) if as_json else _for_people(made))
    if made.key_file_problem:
        print(f"deedbox: warning: {made.key_file_problem}", file=sys.stderr)


def _for_machines(made: "BackedUp") -> dict[str, object]:
    import msgspec

    plain = msgspec.to_builtins(made.facts, str_keys=True)
    return {
        "path": str(made.path),
        "size_bytes": made.size_bytes,
        "seal": made.seal,
        **plain,
        "key_file": str(made.key_file),
    }


def _for_people(made: "BackedUp") -> str:
    from deedbox.cli.telling import key_file_lines, moment, things

    return "\n".join(
        [
            f"Backup: {made.path}, {made.size_bytes:,} bytes, schema {made.facts.schema}",
            f"In it: all that was acknowledged before {moment(made.facts.made_at)}: "
            f"{things(made.facts.counts)}",
            f"Checked: whole; sealed with {made.seal}",
            f"NOT in it: the key file {made.key_file}. Without it the backup can't be used.",
            *key_file_lines(made.facts.key_fingerprints),
            "Keep a copy of it in another place than the backups: who has both reads every token and key.",
        ]
    )
