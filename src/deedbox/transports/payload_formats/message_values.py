"""What is in a Protobuf message, as the values that its JSON form has.

Names are those of JSON (`battery_level` is `batteryLevel`), enums the names of their values, bytes Base64.
64-bit integers stay numbers. A field without `optional` is always there, as proto3 has it.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from math import isfinite, isnan
from struct import pack, unpack
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from deedbox.core.errors import InvalidValue

#: In one message: a few bytes of it may stand for an object with all fields of its type.
MOST_VALUES = 10_000

Parsed = TypeVar("Parsed", bound=Message)
_Read = Callable[[Any, "_Room"], Any]


class _Room:
    """How many more values a message may have."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_VALUES

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise InvalidValue(f"The message has more than {MOST_VALUES} values. Divide it.")


def parsed(message: type[Parsed], body: bytes) -> Parsed:
    """Return the message that `body` is.

    Raises InvalidValue for what is none, and for what has only unknown fields: that is another message.
    """
    try:
        found = message.FromString(body)
    except DecodeError:
        raise _other(message) from None
    if body and not found.ListFields() and len(UnknownFieldSet(found)):
        raise _other(message)
    return found


def _other(message: type[Message]) -> InvalidValue:
    name = message.DESCRIPTOR.name
    return InvalidValue(f"The body is not the Protobuf message {name} that the device's profile asks for.")


class MessageValues:
    """Reads messages of one type."""

    def __init__(self, message: type[Message]) -> None:
        self._message = message
        self._read = _Members(cast(Descriptor, message.DESCRIPTOR), {})

    def read(self, body: bytes) -> dict[str, Any]:
        """Return what is in the message, by JSON name. Raises InvalidValue."""
        return self._read(parsed(self._message, body), _Room())


class _Members:
    """Reads the members of messages of one type; `known` are those of types that are being described."""

    __slots__ = ("_always", "_by_number", "_count")

    def __init__(self, described: Descriptor, known: dict[str, "_Members"]) -> None:
        known[described.full_name] = self
        self._count = len(described.fields)
        self._by_number: dict[int, tuple[str, _Read | None]] = {
            it.number: (it.json_name, _reader(it, known)) for it in described.fields
        }
        #: What fields are that are not in a message but there in any case.
        self._always: Mapping[str, Any] = {
            it.json_name: _default(it) for it in described.fields if it.is_repeated or not it.has_presence
        }

    def __call__(self, message: Message, room: _Room) -> dict[str, Any]:
        room.take(self._count)
        found = {name: [] if it is None else it for name, it in self._always.items()}
        by_number = self._by_number
        for field, value in message.ListFields():
            name, read = by_number[field.number]
            found[name] = value if read is None else read(value, room)
        return found


def _default(field: FieldDescriptor) -> Any:
    """Return what a field without presence is that is not there, None for a list."""
    if field.is_repeated:
        return None
    if field.enum_type is not None:
        return field.enum_type.values_by_number[0].name
    return "" if field.type == FieldDescriptor.TYPE_BYTES else field.default_value


def _reader(field: FieldDescriptor, known: dict[str, _Members]) -> _Read | None:
    """Return what makes a value of a field; None where it is one already."""
    one = _reader_of_one(field, known)
    if not field.is_repeated:
        return one

    def several(values: Any, room: _Room) -> list[Any]:
        room.take(len(values))
        return list(values) if one is None else [one(it, room) for it in values]

    return several


def _reader_of_one(field: FieldDescriptor, known: dict[str, _Members]) -> _Read | None:
    if field.message_type is not None:
        found = known.get(field.message_type.full_name)
        return found or _Members(field.message_type, known)
    if field.enum_type is not None:
        names = {number: it.name for number, it in field.enum_type.values_by_number.items()}
        return lambda number, _: names.get(number, number)
    return _SCALARS.get(field.type)


def _double(value: float, _: _Room) -> float | str:
    return value if isfinite(value) else _not_finite(value)


def _float(value: float, _: _Room) -> float | str:
    """Return the shortest number that the same 32 bits stand for: 0.1, not 0.10000000149011612."""
    if not isfinite(value):
        return _not_finite(value)
    for digits in (6, 7, 8):
        shorter = float(f"{value:.{digits}g}")
        if unpack("f", pack("f", shorter))[0] == value:
            return shorter
    return float(f"{value:.9g}")


def _not_finite(value: float) -> str:
    """Return a text, as the JSON form of Protobuf has it."""
    if isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


_SCALARS: Mapping[int, _Read] = {
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _float,
    FieldDescriptor.TYPE_BYTES: lambda value, _: b64encode(value).decode(),
}
