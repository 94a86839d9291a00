"""What clients send: one JSON object per message, with commands in it; both generations of names."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from deedbox.api.shapes.entities import Wire
from deedbox.api.shapes.entity_queries import (
    EntityCountQueryShape,
    EntityDataQueryShape,
    EntityKeyShape,
    PageLinkShape,
)
from deedbox.core.errors import InvalidValue

T = TypeVar("T")

LONGEST_ID = 2**31 - 1


class AuthCommand(Wire, kw_only=True):
    """Who it is: the token of a sign-in, or an API key."""

    cmd_id: int = 0
    token: str | None = None
    api_key: str | None = None


class Command(Wire, kw_only=True):
    """Names its subscription: updates carry the same number."""

    cmd_id: int


class EntityCommand(Command, kw_only=True):
    """A command about one entity; `keys` are names with commas between, none for all."""

    entity_type: str = "DEVICE"
    entity_id: str = ""
    scope: str | None = None
    keys: str | None = None
    unsubscribe: bool = False


class AttributesCommand(EntityCommand, kw_only=True):
    """Hear of attributes."""


class HistoryShape(Wire, kw_only=True):
    """Which part of a history: from `startTs` on; `agg` one value for each `interval`."""

    start_ts: int = 0
    interval: int = 0
    limit: int = 0
    agg: str | None = None
    interval_type: str | None = None
    time_zone_id: str | None = None


class TimedCommand(EntityCommand, kw_only=True):
    """A command about a part of a history, with the fields of `HistoryShape`."""

    start_ts: int = 0
    interval: int = 0
    limit: int = 0
    agg: str | None = None
    interval_type: str | None = None
    time_zone_id: str | None = None


class TimeSeriesCommand(TimedCommand, kw_only=True):
    """Hear of time series; with a `timeWindow` (milliseconds) its history comes first."""

    time_window: int = 0


class HistoryCommand(TimedCommand, kw_only=True):
    """Get a history, once."""

    end_ts: int = 0


class LatestShape(Wire, kw_only=True):
    """Hear of the latest values of these keys."""

    keys: list[EntityKeyShape]


class WindowShape(HistoryShape, kw_only=True):
    """Hear of time series of several things; their history from `startTs` on comes first."""

    keys: list[str] = msgspec.field(default_factory=list)
    time_window: int = 0


class PastShape(HistoryShape, kw_only=True):
    """Get histories of several things, once."""

    keys: list[str] = msgspec.field(default_factory=list)
    end_ts: int = 0


class LivePageShape(PageLinkShape, kw_only=True):
    """Which page of a list; a `dynamic` one is found anew every few seconds."""

    dynamic: bool = False


class LiveQueryShape(EntityDataQueryShape, kw_only=True):
    """The question that a list answers."""

    page_link: LivePageShape = msgspec.field(default_factory=LivePageShape)


class EntityDataCommand(Command, kw_only=True):
    """Find things; then hear of their values. Without a query it is about those that were found before."""

    query: LiveQueryShape | None = None
    latest_cmd: LatestShape | None = None
    ts_cmd: WindowShape | None = None
    history_cmd: PastShape | None = None


class EntityCountCommand(Command, kw_only=True):
    """Count things, and hear when there are more or fewer."""

    query: EntityCountQueryShape


class Unsubscribe(Command, kw_only=True):
    """Hear no more."""


COMMANDS: Mapping[str, type[Command]] = {
    "ATTRIBUTES": AttributesCommand,
    "TIMESERIES": TimeSeriesCommand,
    "TIMESERIES_HISTORY": HistoryCommand,
    "ENTITY_DATA": EntityDataCommand,
    "ENTITY_COUNT": EntityCountCommand,
    "ATTRIBUTES_UNSUBSCRIBE": Unsubscribe,
    "TIMESERIES_UNSUBSCRIBE": Unsubscribe,
    "ENTITY_DATA_UNSUBSCRIBE": Unsubscribe,
    "ENTITY_COUNT_UNSUBSCRIBE": Unsubscribe,
}

#: Where older clients put commands: the name of a list, and the type that its commands have today.
_LISTS: Mapping[str, str] = {
    "attrSubCmds": "ATTRIBUTES",
    "tsSubCmds": "TIMESERIES",
    "historyCmds": "TIMESERIES_HISTORY",
    "entityDataCmds": "ENTITY_DATA",
    "entityDataUnsubscribeCmds": "ENTITY_DATA_UNSUBSCRIBE",
    "entityCountCmds": "ENTITY_COUNT",
    "entityCountUnsubscribeCmds": "ENTITY_COUNT_UNSUBSCRIBE",
}


def message_of(text: str) -> dict[str, Any]:
    """Return the JSON object of a message. Raises InvalidValue, never repeating what it says."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidValue("The message is not valid JSON.") from None
    if not isinstance(message, dict):
        raise InvalidValue('The message must be a JSON object, as {"cmds": [...]}.')
    return message


def sign_in_of(message: dict[str, Any]) -> AuthCommand | None:
    """Return the `authCmd` of a message, None where there is none. Raises InvalidValue."""
    raw = message.get("authCmd")
    return None if raw is None else _converted(raw, AuthCommand)


def commands_of(message: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each command with its type, as it was sent. Raises InvalidValue for what is no list of them."""
    for name, type_name in [("cmds", ""), *_LISTS.items()]:
        for raw in _listed(message.get(name), name):
            yield type_name or str(raw.get("type", "")), raw


def command_of(type_name: str, raw: dict[str, Any]) -> Command:
    """Return a command. Raises InvalidValue, saying what is offered or what is wrong with it."""
    shape = COMMANDS.get(type_name)
    if shape is None:
        offered = ", ".join(COMMANDS)
        raise InvalidValue(f"Commands of type '{type_name[:64]}' are not offered. Offered are: {offered}.")
    command = _converted(raw, shape)
    if not 0 <= command.cmd_id <= LONGEST_ID:
        raise InvalidValue(f"cmdId must be a number from 0 to {LONGEST_ID}.")
    return command


def id_of(raw: dict[str, Any]) -> int:
    """Return the number that a command has, whatever else is wrong with it; 0 where it has none."""
    number = raw.get("cmdId")
    return number if isinstance(number, int) and 0 <= number <= LONGEST_ID else 0


def _listed(raw: Any, name: str) -> list[dict[str, Any]]:
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(it, dict) for it in raw):
        raise InvalidValue(f"{name} must be a list of commands, each a JSON object.")
    return raw


def _converted(raw: Any, shape: type[T]) -> T:
    try:
        return msgspec.convert(raw, shape, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidValue(f"{error}.") from None
