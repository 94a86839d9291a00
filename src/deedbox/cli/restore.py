"""`deedbox restore`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deedbox.cli.options import ConfigOption, DatabaseOption, DataOption, JsonOption
from deedbox.cli.settings import folder_options, loaded

if TYPE_CHECKING:
    from deedbox.main.restoring import Restored


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `deedbox backup` made.")],
    data: DataOption = None,
    database_url: DatabaseOption = None,
    config: ConfigOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Set a database aside that is there; it is kept.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a backup into the data folder. The server must be stopped; nothing is deleted."""
    from deedbox.cli.interrupting import end_as_interrupted
    from deedbox.cli.progress import progress_bar
    from deedbox.main.restoring import restore as put_back

    settings = loaded(folder_options(data, database_url), config).settings
    end_as_interrupted()
    with progress_bar() as tell:
        restored = put_back(settings, file, force=force, tell=tell)
    print(json.dumps(_for_machines(restored), indent=2) if as_json else _for_people(restored))


def _for_machines(restored: "Restored") -> dict[str, object]:
    import msgspec

    return {
        "database": str(restored.database),
        **msgspec.to_builtins(restored.facts, str_keys=True),
        "migrates_to": restored.migrates_to,
        "key_file": str(restored.key_file),
        "key_file_fits": restored.key_file_fits,
        "replaced": str(restored.aside) if restored.aside else None,
    }


def _for_people(restored: "Restored") -> str:
    from deedbox.cli.telling import moment, things

    facts = restored.facts
    lines = [
        f"Restored: {restored.database}, schema {facts.schema}",
        f"In it: all that was acknowledged before {moment(facts.made_at)}: {things(facts.counts)}",
    ]
    if restored.migrates_to:
        lines.append(f"The next start brings it to schema {restored.migrates_to}.")
    if restored.aside:
        lines.append(f"The database that was there is kept in {restored.aside}.")
    return "\n".join(lines + _about_keys(restored))


def _about_keys(restored: "Restored") -> list[str]:
    from deedbox.cli.telling import key_file_lines

    if restored.key_file_fits:
        return [f"The key file {restored.key_file} belongs to it."]
    unknown = (
        [] if restored.facts.key_fingerprints else ["The backup does not say which key file belongs to it."]
    )
    if restored.key_file.exists():
        return [*unknown, f"Make sure that {restored.key_file} is the right one before you start."]
    return [
        *unknown,
        f"Before you start: put its key file to {restored.key_file}, readable by this user only.",
        *key_file_lines(restored.facts.key_fingerprints),
    ]
