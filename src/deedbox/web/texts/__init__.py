"""Every sentence on the pages, by name, one file per language; English is the only one so far."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from unicodedata import bidirectional


@cache
def texts() -> Mapping[str, str]:
    """Return the sentences by name, as `section.name`; names in braces are filled in."""
    source = files(__name__).joinpath("en.toml").read_text(encoding="utf-8")
    sections: dict[str, dict[str, str]] = tomllib.loads(source)
    return {f"{section}.{name}": text for section, named in sections.items() for name, text in named.items()}


def text(name: str, **values: object) -> str:
    """Return a sentence with its values filled in. Raises KeyError for an unknown name or a missing value."""
    return texts()[name].format_map({key: _isolated(value) for key, value in values.items()})


def _isolated(value: object) -> object:
    """Keep a name in Arabic or Hebrew from turning the sentence around it: it gets unseen marks."""
    turns = isinstance(value, str) and any(bidirectional(it) in ("R", "AL") for it in value)
    return f"\N{FIRST STRONG ISOLATE}{value}\N{POP DIRECTIONAL ISOLATE}" if turns else value
