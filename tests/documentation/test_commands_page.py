"""The page about commands has every command with every option, and none that is not there."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from deedbox.cli.application import commands
from tests.documentation.pages import REFERENCE

PAGE = REFERENCE / "commands.md"
#: What every command takes is told once, at the top.
EVERYWHERE = {"--help"}


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, it in inner.items():
        yield from _commands(it, f"{name} {word}")


def _options(command: Any) -> set[str]:
    named = {word for it in command.params for word in it.opts if word.startswith("--")}
    return named - EVERYWHERE


def _sections() -> dict[str, str]:
    parts = re.split(r"^## (deedbox.*)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_and_option_is_documented_and_no_other() -> None:
    """Behaviour §7."""
    wanted = {name: _options(it) for name, it in _commands(typer.main.get_command(commands), "deedbox")}
    items = {name: "\n".join(re.findall(r"^- .*", text, re.MULTILINE)) for name, text in _sections().items()}
    documented = {name: set(re.findall(r"`(--[a-z-]+)", text)) for name, text in items.items()}
    assert documented == wanted
