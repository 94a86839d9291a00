"""What people read about settings: those in force, and the reference table of all."""

from typing import Any

import msgspec

from deedbox.config.declared import ALIASES, Setting, declared
from deedbox.config.loading import Loaded, expected

HIDDEN = "(secret)"
_UNITS = {"_ms": "milliseconds", "_s": "seconds", "_bytes": "bytes", "_days": "days"}


class EffectiveSetting(msgspec.Struct, frozen=True):
    """A setting in force; a secret's value is not in it."""

    name: str
    value: Any
    origin: str


def effective(loaded: Loaded) -> list[EffectiveSetting]:
    """Return every setting in force, in the order of the reference."""
    settings = loaded.settings
    derived = {"database.url": settings.database_url, "secrets.key_file": str(settings.key_file)}
    rows = []
    for setting in declared().values():
        value = getattr(getattr(settings, setting.section), setting.key)
        shown = HIDDEN if setting.is_secret and value else value or derived.get(setting.name, value)
        rows.append(EffectiveSetting(setting.name, shown, loaded.origins[setting.name]))
    return rows


def reference_table() -> str:
    """Return all settings as a table in Markdown."""
    head = "| setting | environment | type | default | meaning |\n|---|---|---|---|---|"
    return "\n".join([head, *(_row(setting) for setting in declared().values())])


def _row(setting: Setting) -> str:
    cells = [f"`{setting.name}`", f"`{setting.variable}`", _type(setting), _default(setting)]
    return "| " + " | ".join([*cells, setting.description + _aliases(setting)]) + " |"


def _type(setting: Setting) -> str:
    unit = next((text for end, text in _UNITS.items() if setting.key.endswith(end)), "")
    return f"{expected(setting)}, {unit}" if unit else expected(setting)


def _default(setting: Setting) -> str:
    if setting.shown_default:
        return setting.shown_default
    if setting.default in ("", ()):
        return "none"
    shown = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
    return f"`{shown}`"


def _aliases(setting: Setting) -> str:
    names = [f"`{alias}`" for alias, name in ALIASES.items() if name == setting.name]
    return f" Also: {', '.join(names)}." if names else ""
