"""What devices send, as values of the core: the same JSON on every transport.

Refusals name what was expected and never repeat what came: it may hold a secret.
"""

import re
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.core.telemetry import LATEST_TS, Point, points_of
from deedbox.core.telemetry_journal import Message, as_payload
from deedbox.core.values import Value, named_values
from deedbox.core.windows import Announcement, check_secret_key
from deedbox.transports.lenient_json import decode, decode_and_tell, decode_keeping_numbers_as_text

_CLAIM_FORM = 'A claim message is {"secretKey": "...", "durationMs": 60000}, each field optional'
_REQUEST_FORM = 'A request is {"method": "getTime", "params": {}}'
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 400
_MOST_MS = 2**53


class _Timed(msgspec.Struct):
    ts: int
    values: dict[str, bool | int | float | str]


class _Offer(msgspec.Struct, rename="camel"):
    secret_key: str = ""
    duration_ms: int = 0


_BEGINS_WITH_TS = b'{"ts"'
_timed_telemetry = msgspec.json.Decoder(_Timed).decode
_plain_offer = msgspec.json.Decoder(_Offer).decode
_plain_telemetry = msgspec.json.Decoder(dict[str, bool | int | float | str]).decode


def claim_message(device_id: UUID, body: bytes) -> Announcement:
    """Return the offer that a device makes; no body at all is an offer without a key.

    Raises InvalidValue for what is not an object, and for fields of the wrong type.
    """
    if not body:
        return Announcement(device_id)
    try:
        plain = _plain_offer(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _unusual_offer(device_id, body)
    duration_ms = max(-_MOST_MS, min(plain.duration_ms, _MOST_MS))
    return Announcement(device_id, check_secret_key(plain.secret_key), duration_ms)


def _unusual_offer(device_id: UUID, body: bytes) -> Announcement:
    """Return an offer whose fields have other types, or that is no strict JSON."""
    message = decode_keeping_numbers_as_text(body)
    if not isinstance(message, dict):
        raise InvalidValue(f"{_CLAIM_FORM}; something else than an object came.")
    secret_key = check_secret_key(_scalar_text(message, "secretKey", ""))
    return Announcement(device_id, secret_key, _duration_ms(message))


def telemetry(body: bytes, now_ms: int) -> list[Point]:
    """Return the points of a telemetry message; those without a moment get `now_ms`.

    Nulls are left out, so that there may be none. Raises InvalidValue.
    """
    data = decode(body)
    messages = data if isinstance(data, list) else [data]
    told = [_told(message) for message in messages if not _only_nulls(_values_of(message))]
    return points_of(told, now_ms) if told or not messages else []


def telemetry_message(body: bytes, received_at: int) -> tuple[Message, tuple[str, ...], int] | None:
    """Return a telemetry message for the journal, the names in it, and how many points it has.

    None when there are only nulls.

    The plain forms, an object of numbers and texts with or without a moment, are kept as they came. Raises
    InvalidValue.
    """
    # With a backslash, a text may hold what can't be stored.
    if body.find(b"\\") < 0:
        if body.startswith(_BEGINS_WITH_TS) and (values := _timed_values(body)):
            return Message(received_at, body), tuple(values), len(values)
        try:
            told = _plain_telemetry(body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            told = {}
        if told and "values" not in told:
            return Message(received_at, body), tuple(told), len(told)
    points = telemetry(body, received_at)
    names = dict.fromkeys(point.key for point in points)
    return (Message(received_at, as_payload(points)), tuple(names), len(points)) if points else None


def _timed_values(body: bytes) -> dict[str, Value]:
    """Return the values of a message with a moment of its own; none where it is not of the plain form."""
    try:
        told = _timed_telemetry(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return cast(dict[str, Value], told.values) if 0 <= told.ts <= LATEST_TS else {}


def attributes(body: bytes) -> Mapping[str, Value]:
    """Return the attributes that a device reports; nulls are left out. Raises InvalidValue."""
    data = decode(body)
    return {} if _only_nulls(data) else named_values(_without_nulls(data), "The attributes")


def device_request(body: bytes) -> str:
    """Return the method that a device asks the server for. Raises InvalidValue without method or params."""
    message = decode(body)
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise InvalidValue(f"{_REQUEST_FORM}; method is missing or is not a text.", "/method")
    if "params" not in message:
        raise InvalidValue(f"{_REQUEST_FORM}; params are missing.", "/params")
    method: str = message["method"]
    return method


def attribute_request(body: bytes) -> tuple[list[str] | None, list[str] | None]:
    """Return the names of client and of shared attributes that a device asks for; None where it names none.

    Raises InvalidValue.
    """
    message = decode(body) if body else {}
    if not isinstance(message, dict):
        raise InvalidValue('A request for attributes is {"clientKeys": "a,b", "sharedKeys": "c"}.')
    return _names(message, "clientKeys"), _names(message, "sharedKeys")


def reply(body: bytes) -> bytes:
    """Return a reply to a command as strict JSON: as it came, if it is that. Raises InvalidValue."""
    if not body:
        return body
    value, is_strict = decode_and_tell(body)
    return body if is_strict else msgspec.json.encode(value)


def command_message(command_id: int, method: str, params: Any) -> bytes:
    """Return a command as devices read it: `{"id": 1, "method": "setLight", "params": {...}}`."""
    return msgspec.json.encode({"id": command_id, "method": method, "params": params})


def _names(message: Mapping[str, Any], field: str) -> list[str] | None:
    given = message.get(field)
    if given is None:
        return None
    if not isinstance(given, str):
        raise InvalidValue(f"{field} must be a text with names between commas.", f"/{field}")
    return [name for name in given.split(",") if name] or None


def _told(message: Any) -> Any:
    """Return a telemetry message without its nulls."""
    values = _values_of(message)
    told = _without_nulls(values)
    return told if values is message else message | {"values": told}


def _values_of(message: Any) -> Any:
    has_moment = isinstance(message, dict) and "ts" in message and "values" in message
    return message["values"] if has_moment else message


def _only_nulls(values: Any) -> bool:
    return isinstance(values, dict) and bool(values) and all(it is None for it in values.values())


def _without_nulls(values: Any) -> Any:
    if not isinstance(values, dict) or None not in values.values():
        return values
    return {name: value for name, value in values.items() if value is not None}


def _duration_ms(message: Mapping[str, Any]) -> int:
    text = _scalar_text(message, "durationMs", "0")
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise InvalidValue("durationMs must be a number of milliseconds, as 60000.", "/durationMs")
    return int(max(-_MOST_MS, min(float(text), _MOST_MS)))


def _scalar_text(message: Mapping[str, Any], name: str, default: str) -> str:
    """Return the field as text: a number as it was written, a boolean as `true` or `false`."""
    value = message.get(name, default)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    expected = "a text" if name == "secretKey" else "a number of milliseconds, as 60000"
    raise InvalidValue(f"{name} must be {expected}; leave it out if there is none.", f"/{name}")
