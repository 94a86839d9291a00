"""Puts settings together: option before environment before file before default, every value checked."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from deedbox.config.declared import Setting, Settings, declared
from deedbox.config.sources import (
    FILE_VARIABLE,
    BadSettings,
    Given,
    from_environment,
    from_file,
    from_options,
)
from deedbox.storage.migrating import is_postgresql

DEFAULT = "default"


class Loaded(msgspec.Struct, frozen=True):
    """The settings in force and where each came from (by name)."""

    settings: Settings
    origins: Mapping[str, str]


def load(
    options: Mapping[str, tuple[str, str | None]],
    environment: Mapping[str, str],
    file: Path | None = None,
) -> Loaded:
    """Return the settings in force. Raises BadSettings with every problem that was found.

    `options` maps a setting's name to its command-line option and the value, None when it was not given.
    """
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    given = _strongest(file, environment, options)
    values, problems = {}, []
    for it in given.values():
        try:
            values[it.name] = _converted(it, declared()[it.name])
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise BadSettings(problems)
    settings = _settings(values)
    origins = {name: given[name].origin if name in given else DEFAULT for name in declared()}
    _check_together(settings, origins)
    return Loaded(settings, origins)


def _strongest(
    file: Path | None, environment: Mapping[str, str], options: Mapping[str, tuple[str, str | None]]
) -> dict[str, Given]:
    problems: list[str] = []
    found: dict[str, Given] = {}
    in_file: Callable[[], list[Given]] = partial(from_file, file) if file else list
    for source in (in_file, partial(from_environment, environment)):
        try:
            found |= {it.name: it for it in source()}
        except BadSettings as error:
            problems += error.problems
    if problems:
        raise BadSettings(problems)
    return found | {it.name: it for it in from_options(options)}


def _converted(given: Given, setting: Setting) -> Any:
    value = given.value
    if given.is_text and get_origin(setting.plain_type) is tuple:
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        converted = msgspec.convert(value, setting.type, strict=not given.is_text)
    except msgspec.ValidationError:
        raise ValueError(_problem(given, setting, expected(setting))) from None
    try:
        if setting.check:
            setting.check(converted)
    except ValueError as error:
        raise ValueError(_problem(given, setting, str(error))) from None
    return converted


def _problem(given: Given, setting: Setting, wanted: str) -> str:
    shown = "" if setting.is_secret or _may_hold_secret(given.value) else f" is {given.value!r}, which"
    return f"{setting.name} ({given.origin}){shown} is not accepted. Expected: {wanted}."


def _may_hold_secret(value: object) -> bool:
    """Tell whether this is an address with a name or a question in it, where people write passwords."""
    text = str(value)
    return "://" in text and ("@" in text or "?" in text)


def expected(setting: Setting) -> str:
    """Say what values a setting takes."""
    kind = setting.plain_type
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _range(setting)
    if get_origin(kind) is tuple:
        return "a list of texts"
    return "a text that is not empty" if setting.default else "a text"


def _range(setting: Setting) -> str:
    metas = [it for it in getattr(setting.type, "__metadata__", ()) if isinstance(it, msgspec.Meta)]
    least = next((it.ge for it in metas if it.ge is not None), None)
    most = next((it.le for it in metas if it.le is not None), None)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return "" if least is None else f", at least {least}"


def _settings(values: Mapping[str, Any]) -> Settings:
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    whole = Settings()
    changed = {
        section: msgspec.structs.replace(getattr(whole, section), **fields)
        for section, fields in sections.items()
    }
    return msgspec.structs.replace(whole, **changed)


def _check_together(settings: Settings, origins: Mapping[str, str]) -> None:
    problems = []
    claim, tls = settings.claim, settings.tls
    if claim.duration_ms > claim.max_duration_ms:
        problems.append(
            f"claim.duration_ms ({origins['claim.duration_ms']}) is {claim.duration_ms}, which is more than "
            f"claim.max_duration_ms ({origins['claim.max_duration_ms']}), {claim.max_duration_ms}. "
            "Lower the first or raise the second."
        )
    encrypted = {
        "https.listen": settings.https.listen,
        "mqtts.listen": settings.mqtts.listen,
        "coaps.listen": settings.coaps.listen,
    }
    for name, listen in encrypted.items():
        if listen != "off" and not (tls.certificate_file and tls.key_file):
            problems.append(
                f"{name} ({origins[name]}) needs tls.certificate_file (--tls-certificate) "
                "and tls.key_file (--tls-key)."
            )
    if settings.http.listen == settings.https.listen == "off":
        problems.append(
            f"http.listen ({origins['http.listen']}) and https.listen ({origins['https.listen']}) are both "
            "off, so nothing would be served. Give one of them HOST:PORT."
        )
    problems += _without_common_ground(settings, origins)
    problems += _mail_that_leads_nowhere(settings, origins)
    if problems:
        raise BadSettings(problems)


def _without_common_ground(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Say what several workers lack to be one deployment."""
    workers = settings.serve.workers
    if workers == 1:
        return []
    wanted = f"serve.workers ({origins['serve.workers']}) is {workers}. Several workers need"
    problems = []
    if not is_postgresql(settings.database_url):
        problems.append(
            f"{wanted} a PostgreSQL database; SQLite is for one process. "
            "Set database.url (--database-url postgresql://...), or leave out serve.workers (--workers)."
        )
    if not settings.nats.url:
        problems.append(
            f"{wanted} NATS, by which they tell each other what happens. "
            "Set nats.url (--nats-url nats://...), or leave out serve.workers (--workers)."
        )
    return problems


def _mail_that_leads_nowhere(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    """Say what is missing for mail. Links never begin with what a request says: strangers write requests."""
    mail = settings.mail
    if not mail.host:
        return []
    needed = {"mail.sender": mail.sender, "mail.base_url": mail.base_url}
    problems = [
        f"mail.host ({origins['mail.host']}) is set, so mail is sent. It needs {name}."
        for name, value in needed.items()
        if not value
    ]
    if mail.password and mail.tls == "none" and mail.host not in ("localhost", "127.0.0.1", "::1"):
        problems.append(
            f"mail.tls ({origins['mail.tls']}) is none, so mail.password would be readable on its way. "
            "Set starttls or tls."
        )
    return problems
