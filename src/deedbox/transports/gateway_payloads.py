"""What gateways send, as values of the core: one message about many devices, or about one that it names.

Refusals name what was expected and never repeat what came: it may hold a secret.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from deedbox.core.errors import InvalidValue, PayloadTooLarge
from deedbox.transports.lenient_json import decode, decode_keeping_numbers_as_text

_FORM = 'A message of a gateway is an object with a member for each device, as {"Device A": ...}'
_CONNECT_FORM = 'A message about one device is {"device": "Device A"}'
_REPLY_FORM = 'A reply is {"device": "Device A", "id": 1, "data": {}}'
_REQUEST_FORM = (
    'A request for attributes is {"id": 1, "device": "Device A", "client": true, "keys": ["a"]}, or has '
    'lists of names as "client" and "shared"'
)
_LONGEST_ID = 19
_BRACKET = ord("[")

_entries = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


class AttributeRequest(NamedTuple):
    """What a gateway asks about a device. `single`: the one name that is answered by a value alone."""

    request_id: Any
    device: str
    client: list[str] | None
    shared: list[str] | None
    single: str | None = None
    #: Both scopes were asked for by name, and are answered apart.
    is_apart: bool = False


class Reply(NamedTuple):
    """A device's reply to a command, brought by its gateway; `data` JSON."""

    device: str
    command_id: int
    data: bytes


def entries(body: bytes, most: int) -> dict[str, bytes]:
    """Return the JSON about each device. Raises InvalidValue, PayloadTooLarge beyond `most` devices."""
    try:
        found = {name: bytes(it) for name, it in _entries(body).items()}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = _lenient(body)
    if not found:
        raise InvalidValue(f"{_FORM}; this one names no device.")
    if len(found) > most:
        raise PayloadTooLarge(f"A message of a gateway may name {most} devices. Divide it.")
    return found


def objects(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the entries that are objects. Raises InvalidValue when none is."""
    return _beginning(found, b"{", "an object")


def measurements(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the entries that are arrays or objects. Raises InvalidValue when none is."""
    kept = _beginning(found, b"[{", "an array of measurements")
    return {name: _single(it) for name, it in kept.items()}


def device_named(body: bytes) -> tuple[str, str]:
    """Return the device's name and type in a message about one device. Raises InvalidValue."""
    message = _object(body, _CONNECT_FORM)
    kind = message.get("type")
    return _device(message, _CONNECT_FORM), kind if isinstance(kind, str) else ""


def attribute_request(body: bytes) -> AttributeRequest:
    """Return what is asked, in the old form (`client` true or false) or the new one. Raises InvalidValue."""
    message = _object(body, _REQUEST_FORM)
    device, request_id = _device(message, _REQUEST_FORM), message.get("id")
    if not isinstance(request_id, int | str) or isinstance(request_id, bool):
        raise InvalidValue(f"{_REQUEST_FORM}; id is missing or is not a number.", "/id")
    scopes = {scope: _list(message.get(scope), scope) for scope in ("client", "shared")}
    if any(it is not None for it in scopes.values()):
        return AttributeRequest(request_id, device, scopes["client"], scopes["shared"], is_apart=True)
    key = message.get("key")
    single = key if isinstance(key, str) and "keys" not in message else None
    names = [single] if single is not None else _list(message.get("keys"), "keys")
    if names is None:
        raise InvalidValue(f"{_REQUEST_FORM}; keys are missing.", "/keys")
    is_client = message.get("client") in (True, "true")
    return AttributeRequest(
        request_id, device, names if is_client else None, None if is_client else names, single
    )


def reply(body: bytes) -> Reply:
    """Return a reply to a command. Raises InvalidValue."""
    message = _object(body, _REPLY_FORM)
    text = str(message.get("id"))
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        raise InvalidValue(f"{_REPLY_FORM}; id is missing or is not a number.", "/id")
    data = message["data"] if "data" in message else {"error": message.get("error")}
    return Reply(_device(message, _REPLY_FORM), int(text), msgspec.json.encode(data))


def _lenient(body: bytes) -> dict[str, bytes]:
    found = decode_keeping_numbers_as_text(body)
    if not isinstance(found, dict):
        raise InvalidValue(f"{_FORM}; something else than an object came.")
    # Numbers as they were written where it matters; a claim key like 007 must stay what it is.
    plain = decode(body)
    return {name: msgspec.json.encode(it if _is_offer(it) else plain[name]) for name, it in found.items()}


def _is_offer(it: Any) -> bool:
    return isinstance(it, dict) and it.keys() <= {"secretKey", "durationMs"}


def _beginning(found: Mapping[str, bytes], first: bytes, what: str) -> dict[str, bytes]:
    kept = {name: it for name, it in found.items() if it[0] in first}
    if not kept:
        raise InvalidValue(f"{_FORM}, and each member is {what}; none is.")
    return kept


def _single(array: bytes) -> bytes:
    """Return the only item of an array, as most gateways send it: plain ones are kept as they came."""
    items = _items(array) if array[0] == _BRACKET else []
    return bytes(items[0]) if len(items) == 1 else array


def _object(body: bytes, form: str) -> Mapping[str, Any]:
    message = decode(body)
    if not isinstance(message, dict):
        raise InvalidValue(f"{form}; something else than an object came.")
    return message


def _device(message: Mapping[str, Any], form: str) -> str:
    name = message.get("device")
    if not isinstance(name, str) or not name:
        raise InvalidValue(f"{form}; device is missing or is not a text.", "/device")
    return name


def _list(value: Any, field: str) -> list[str] | None:
    if isinstance(value, bool) or value is None or (field != "keys" and isinstance(value, str)):
        return None
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(it, str) for it in names):
        raise InvalidValue(f"{_REQUEST_FORM}; {field} is not a list of names.", f"/{field}")
    return [it for it in names if it]
