"""Logging: structlog for our own lines and those of libraries, JSON or for people, without secrets."""

import logging
import os
import socket
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from deedbox.serving.settings import LogSettings

MASKED = "***"
#: Fields whose values never reach a log, whatever writes the line; case, `_` and `-` do not matter.
SECRET_FIELDS = frozenset(
    {
        "accesstoken",
        "activationtoken",
        "authorization",
        "claimingdata",
        "cookie",
        "credentials",
        "credentialsid",
        "credentialsvalue",
        "currentpassword",
        "newpassword",
        "password",
        "refreshtoken",
        "resettoken",
        "secretkey",
        "token",
        "xauthorization",
    }
)
_SEPARATORS = str.maketrans("", "", "_-")

_Event = MutableMapping[str, Any]


def configure_logs(settings: LogSettings, *, names_node: bool = False) -> None:
    """Send all lines, ours and those of libraries, to the standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        *([_add_node] if names_node else []),
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings, shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # uvicorn tells of its own starts and stops what `serve` tells better.
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)


def node_name() -> str:
    """Return what this process is called among others, for people: its machine and its number there."""
    return f"{socket.gethostname()}/{os.getpid()}"


def _add_node(_: Any, __: str, event: _Event) -> _Event:
    event["node"] = node_name()
    return event


def is_for_people(settings: LogSettings) -> bool:
    """Tell whether people read the lines, and not machines."""
    return settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())


def mask_secrets(_: Any, __: str, event: _Event) -> _Event:
    """Replace the values of fields that hold secrets, at any depth."""
    for field, value in event.items():
        event[field] = _masked(field, value)
    return event


def _masked(field: object, value: Any) -> Any:
    if isinstance(field, str) and field.lower().translate(_SEPARATORS) in SECRET_FIELDS:
        return MASKED
    if isinstance(value, dict):
        return {key: _masked(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", inner) for inner in value]
    return value


def _formatter(settings: LogSettings, shared: list[Any]) -> logging.Formatter:
    people = is_for_people(settings)
    last: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if people:
        plain = structlog.dev.plain_traceback
        last.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain))
    else:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last)
