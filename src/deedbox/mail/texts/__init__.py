"""Every sentence of every mail, by template, one file per language; English is the only one so far."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from deedbox.core.accounts.mails import Template


@cache
def _texts() -> Mapping[str, Mapping[str, Any]]:
    source = files(__name__).joinpath("en.toml").read_text(encoding="utf-8")
    return tomllib.loads(source)


def subject(template: Template) -> str:
    """Return what stands in the list of mails."""
    return str(_texts()[template]["subject"])


def paragraphs(template: Template, values: Mapping[str, str]) -> list[str]:
    """Return the paragraphs with their values filled in. Raises KeyError for a missing value."""
    found: list[str] = _texts()[template]["paragraphs"]
    return [it.format_map(values) for it in found]


def action(template: Template) -> str:
    """Return what the button to the mail's link says, "" for a mail without one."""
    return str(_texts()[template].get("action", ""))


def footer(values: Mapping[str, str]) -> str:
    """Return what stands below every mail."""
    return str(_texts()["every"]["footer"]).format_map(values)


def time(seconds: int) -> str:
    """Return a time in words, in the largest unit of which there are two."""
    words = _texts()["every"]
    for name, length_s in (("days", 86_400), ("hours", 3_600)):
        if seconds >= 2 * length_s:
            return str(words[name]).format(count=seconds // length_s)
    return str(words["minutes"]).format(count=seconds // 60)
