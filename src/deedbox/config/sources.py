"""Where settings come from: options, the environment and a TOML file, each value with its origin."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from deedbox.config.declared import ALIASES, Setting, declared

PREFIX = "DEEDBOX_"
#: Names the file itself, so it can't stand in one.
FILE_VARIABLE = "DEEDBOX_CONFIG"
_LONGEST_SECRET_FILE_BYTES = 65_536


class BadSettings(Exception):
    """Settings that can't be used; `problems` says for each what was wrong and what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Given(msgspec.Struct, frozen=True):
    """A value that somebody gave. `is_text`: numbers and lists arrive as text."""

    name: str
    value: Any
    origin: str
    is_text: bool = True


def from_options(options: Mapping[str, tuple[str, str | None]]) -> list[Given]:
    """Return what was given on the command line; `options` maps setting to (option, value or None)."""
    return [Given(name, value, option) for name, (option, value) in options.items() if value is not None]


def from_environment(environment: Mapping[str, str]) -> list[Given]:
    """Return what the environment sets. Raises BadSettings for unknown DEEDBOX_ names."""
    given, problems = [], []
    for variable in sorted(environment):
        if variable == FILE_VARIABLE or not (variable.startswith(PREFIX) or variable in ALIASES):
            continue
        try:
            given.append(_from_variable(variable, environment[variable]))
        except ValueError as error:
            problems.append(str(error))
    return _unambiguous(given, problems)


def from_file(path: Path) -> list[Given]:
    """Return what the TOML file sets. Raises BadSettings when it can't be read or has unknown keys."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings([f"The settings file {path} can't be read: {error.strerror}."]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings([f"The settings file {path} is not valid TOML: {error}."]) from error
    given, problems = [], []
    for key, value in _flat(content):
        name = ALIASES.get(key, key)
        if name in declared():
            given.append(Given(name, value, f"{key} in {path}", is_text=False))
        else:
            problems.append(f"{key} in {path} is no setting.{_suggestion(key, declared())}")
    return _unambiguous(given, problems)


def _from_variable(variable: str, text: str) -> Given:
    by_variable = {setting.variable: setting for setting in declared().values()}
    name = ALIASES.get(variable)
    if name is None and variable in by_variable:
        name = by_variable[variable].name
    if name is not None:
        return Given(name, text, f"environment variable {variable}")
    secret = by_variable.get(variable.removesuffix("_FILE"))
    if secret is None or not secret.is_secret:
        raise ValueError(
            f"The environment variable {variable} is no setting.{_suggestion(variable, by_variable)}"
        )
    return _from_secret_file(variable, Path(text), secret)


def _from_secret_file(variable: str, path: Path, setting: Setting) -> Given:
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_SECRET_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ValueError(f"{variable} names {path}, which can't be read: {reason}.") from error
    return Given(setting.name, content.rstrip("\r\n"), f"environment variable {variable}")


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _unambiguous(given: list[Given], problems: list[str]) -> list[Given]:
    seen: dict[str, Given] = {}
    for it in given:
        if it.name in seen:
            problems.append(f"{it.name} is set twice: {seen[it.name].origin} and {it.origin}. Keep one.")
        seen[it.name] = it
    if problems:
        raise BadSettings(problems)
    return given


def _suggestion(wrong: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(wrong, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else " `deedbox config` lists all settings."
