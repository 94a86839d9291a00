"""Values as the Protobuf messages of the device API hold them: a key, a type, and one field for each type."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.core.values import Value
from deedbox.transports.lenient_json import decode
from deedbox.transports.protobuf import device_api_pb2 as api


def key_value(name: str, value: Value) -> api.KeyValueProto:
    """Return a value as a message."""
    if isinstance(value, bool):
        return api.KeyValueProto(key=name, type=api.BOOLEAN_V, bool_v=value)
    if isinstance(value, int):
        return api.KeyValueProto(key=name, type=api.LONG_V, long_v=value)
    if isinstance(value, float):
        return api.KeyValueProto(key=name, type=api.DOUBLE_V, double_v=value)
    if isinstance(value, str):
        return api.KeyValueProto(key=name, type=api.STRING_V, string_v=value)
    return api.KeyValueProto(key=name, type=api.JSON_V, json_v=msgspec.json.encode(value).decode())


def named_values(values: Iterable[api.KeyValueProto]) -> dict[str, Any]:
    """Return what these messages say, by name. Raises InvalidValue for an unknown type and for bad JSON."""
    return {it.key: _value(it) for it in values}


def _value(it: api.KeyValueProto) -> Any:
    if it.type == api.JSON_V:
        return decode(it.json_v.encode())
    if it.type not in _FIELDS:
        raise InvalidValue(f"There is no KeyValueType {it.type}.")
    return getattr(it, _FIELDS[it.type])


_FIELDS: Mapping[int, str] = {
    api.BOOLEAN_V: "bool_v",
    api.LONG_V: "long_v",
    api.DOUBLE_V: "double_v",
    api.STRING_V: "string_v",
}


def changes_message(changes: Mapping[str, Any]) -> api.AttributeUpdateNotificationMsg:
    """Return what is told of shared attributes; `deleted` lists those that are no more."""
    deleted = changes.get("deleted")
    is_list = isinstance(deleted, list) and all(isinstance(it, str) for it in deleted)
    kept = {name: it for name, it in changes.items() if not (is_list and name == "deleted")}
    return api.AttributeUpdateNotificationMsg(
        sharedUpdated=[api.TsKvProto(kv=key_value(*it)) for it in kept.items()],
        sharedDeleted=deleted if is_list else [],
    )
