"""The command line: every command and option is documented; outputs for people and for machines."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from deedbox.cli.application import commands
from deedbox.cli.serving import CONFIG, SETTING_OF, plain_options
from deedbox.config.declared import declared
from deedbox.main.folder import migrate_alone
from tests.architecture.repository import ROOT
from tests.certificates import make_certificate
from tests.cli.running import ran
from tests.ports import free_port

DOCUMENT = ROOT / "docs" / "reference" / "commands.md"
FOR_EVERY_COMMAND = {"--help", "-h"}


def _commands(group: Any, above: str = "deedbox") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{above} {name}")
        else:
            yield f"{above} {name}", command


COMMANDS = dict(_commands(typer.main.get_command(commands)))
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCUMENT.read_text("utf-8"), re.M | re.S))


def options(command: Any) -> set[str]:
    named = {option for parameter in command.params for option in parameter.opts if option.startswith("-")}
    return named - FOR_EVERY_COMMAND


def test_every_command_is_documented_and_none_that_is_gone() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    documented = set(re.findall(r"`(--[a-z-]+)", SECTIONS[name]))
    assert options(COMMANDS[name]) <= documented


def test_the_short_way_to_serve_knows_what_the_long_way_knows() -> None:
    assert {*SETTING_OF, CONFIG} == options(COMMANDS["deedbox serve"])
    assert set(SETTING_OF.values()) <= set(declared())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["serve"], {}),
        (["serve", "--data", "here", "--http=off"], {"--data": "here", "--http": "off"}),
        (["serve", "--help"], None),
        (["serve", "--data"], None),
        (["serve", "--data", "--http", "off"], None),
        (["serve", "--data", "one", "--data", "two"], None),
        (["serve", "--dat", "here"], None),
        (["serve", "here", "there"], None),
        (["config"], None),
        ([], None),
    ],
)
def test_only_plain_options_take_the_short_way(words: list[str], expected: dict[str, str] | None) -> None:
    assert plain_options(words) == expected


def test_wrong_usage_exits_with_2() -> None:
    for words in (["serve", "--htp", "off"], ["nothing"], ["secrets", "rotate", "--no"]):
        assert ran(*words).returncode == 2


def test_migrate_shows_the_schema_before_and_after(tmp_path: Path) -> None:
    first, second = (ran("migrate", "--data", str(tmp_path)) for _ in range(2))
    assert first.stdout.startswith("Schema before: none. Schema now: ")
    assert "nothing to do" in second.stdout


def test_config_for_machines_masks_secrets(tmp_path: Path) -> None:
    environment = {"DEEDBOX_ADMIN_PASSWORD": "correct horse battery"}
    shown = ran("config", "--json", "--data", str(tmp_path), environment=environment)
    rows = json.loads(shown.stdout)
    assert rows["data.folder"] == {"value": str(tmp_path), "origin": "--data"}
    assert rows["admin.password"]["origin"] == "environment variable DEEDBOX_ADMIN_PASSWORD"
    assert "correct horse" not in shown.stdout + shown.stderr


def test_bad_settings_exit_with_2_in_every_command() -> None:
    commands = (
        ["config"],
        ["migrate"],
        ["doctor"],
        ["secrets", "rotate"],
        ["backup", "to"],
        ["restore", "it"],
    )
    for words in commands:
        refused = ran(*words, environment={"DEEDBOX_NOTHING": "1"})
        assert refused.returncode == 2
        assert "DEEDBOX_NOTHING is no setting" in refused.stderr


def doctor(tmp_path: Path, **environment: str) -> tuple[int, dict[str, tuple[str, str]]]:
    looked = ran("doctor", "--json", "--data", str(tmp_path / "data"), environment=environment)
    rows = json.loads(looked.stdout)
    return looked.returncode, {row["check"]: (row["status"], row["text"]) for row in rows}


def test_doctor_finds_nothing_wrong_before_the_first_start_and_changes_nothing(tmp_path: Path) -> None:
    code, found = doctor(tmp_path, DEEDBOX_HTTP_LISTEN=f"127.0.0.1:{free_port()}")
    assert code == 0, found
    assert {"data folder", "disk space", "clock", "database", "key file", "addresses"} <= set(found)
    assert not (tmp_path / "data").exists()


def test_doctor_names_the_keys_as_backups_do_and_a_key_file_that_is_damaged(tmp_path: Path) -> None:
    assert ran("secrets", "rotate", "--data", str(tmp_path / "data")).returncode == 0
    backup = ran("backup", str(tmp_path / "backup"), "--data", str(tmp_path / "data"), "--json")
    ((number, fingerprint),) = json.loads(backup.stdout)["key_fingerprints"].items()
    _, found = doctor(tmp_path, DEEDBOX_HTTP_LISTEN=f"127.0.0.1:{free_port()}")
    assert f"generation {number} is {fingerprint}" in found["key file"][1]
    key_file = tmp_path / "data" / "secret.key"
    key_file.write_text("{}", encoding="utf-8")
    code, found = doctor(tmp_path)
    assert (code, found["key file"][0]) == (1, "failed")
    assert "is damaged" in found["key file"][1]


def test_doctor_names_an_expired_certificate_and_a_readable_key_file(tmp_path: Path) -> None:
    made = make_certificate(tmp_path, days=-1)
    key_file = tmp_path / "secret.key"
    key_file.write_text("{}", encoding="utf-8")
    key_file.chmod(0o644)
    code, found = doctor(
        tmp_path,
        DEEDBOX_TLS_CERTIFICATE_FILE=str(made.certificate),
        DEEDBOX_TLS_KEY_FILE=str(made.key),
        DEEDBOX_SECRETS_KEY_FILE=str(key_file),
    )
    assert code == 1
    assert found["certificate"][0] == "failed"
    assert "expired" in found["certificate"][1]
    assert f"chmod 600 {key_file}" in found["key file"][1]


def test_plain_output_has_no_colours(tmp_path: Path) -> None:
    assert "\x1b" not in ran("doctor", "--data", str(tmp_path)).stdout


def test_commands_need_no_server_settings_to_migrate(tmp_path: Path) -> None:
    from deedbox.config.loading import load  # noqa: PLC0415

    settings = load({"data.folder": ("--data", str(tmp_path))}, {}).settings
    before, after = migrate_alone(settings)
    assert before is None
    assert migrate_alone(settings) == (after, after)
