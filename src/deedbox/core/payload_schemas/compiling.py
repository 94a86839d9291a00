"""Compiles schemas: what a device's bytes are parsed with, and built from."""

from typing import NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from deedbox.core.errors import InvalidValue
from deedbox.core.payload_schemas.reading import Reference, Schema, read_schema
from deedbox.core.payload_schemas.words import BadSchema, shown
from deedbox.core.values import LONGEST_NAME

LONGEST_SCHEMA = 16_384


class Compiled(NamedTuple):
    """What a schema is about: its last message, as in the reference server. `line`: where that begins."""

    message: type[Message]
    line: int


def compiled(text: str, name: str) -> Compiled:
    """Return the last message of a schema; `name` is what the schema is called in refusals.

    Raises InvalidValue, which names the line.
    """
    if len(text) > LONGEST_SCHEMA:
        raise InvalidValue(
            f"{name} has {len(text)} characters; at most {LONGEST_SCHEMA} are taken.", f"/{name}"
        )
    try:
        schema = read_schema(text)
        _look_up(schema)
        _check_members(schema)
    except BadSchema as problem:
        raise InvalidValue(f"{name}, {problem}", f"/{name}") from None
    return _compiled(schema, name)


def refusal(name: str, line: int, problem: str) -> InvalidValue:
    """Return the refusal of a schema that is understood but can't be used for its purpose."""
    return InvalidValue(f"{name}, line {line}: {problem}", f"/{name}")


def _compiled(schema: Schema, name: str) -> Compiled:
    file = schema.file
    file.name = "schema.proto"
    root = file.message_type[-1].name
    full_name = f"{file.package}.{root}" if file.package else root
    pool = DescriptorPool()
    try:
        # A pool of its own: schemas of different tenants may use the same names.
        pool.AddSerializedFile(file.SerializeToString())
        message = GetMessageClass(pool.FindMessageTypeByName(full_name))
    except (TypeError, KeyError) as error:
        raise InvalidValue(f"{name} can't be compiled: {error}", f"/{name}") from None
    return Compiled(message, schema.lines[full_name])


def _look_up(schema: Schema) -> None:
    """Find the types that fields name, from the inside to the outside."""
    kinds: dict[str, int] = {}
    for it in schema.file.enum_type:
        kinds[_within(schema.file.package, it.name)] = FieldDescriptor.TYPE_ENUM
    for message in schema.file.message_type:
        _note_kinds(kinds, message, schema.file.package)
    for reference in schema.references:
        found = next((it for it in _candidates(reference) if it in kinds), None)
        if found is None:
            raise BadSchema(
                reference.line, f"There is no type {shown(reference.field.type_name)} in this schema."
            )
        reference.field.type_name = f".{found}"
        reference.field.type = FieldDescriptorProto.Type.ValueType(kinds[found])


def _note_kinds(kinds: dict[str, int], message: DescriptorProto, scope: str) -> None:
    full_name = _within(scope, message.name)
    kinds[full_name] = FieldDescriptor.TYPE_MESSAGE
    for it in message.enum_type:
        kinds[_within(full_name, it.name)] = FieldDescriptor.TYPE_ENUM
    for inner in message.nested_type:
        _note_kinds(kinds, inner, full_name)


def _candidates(reference: Reference) -> list[str]:
    wanted = reference.field.type_name
    if wanted.startswith("."):
        return [wanted[1:]]
    parts = reference.scope.split(".") if reference.scope else []
    return [".".join([*parts[:count], wanted]) for count in range(len(parts), -1, -1)]


def _check_members(schema: Schema) -> None:
    """Check that each field has a JSON name of its own, which may be stored as a key."""
    waiting = [(it, schema.file.package) for it in schema.file.message_type]
    while waiting:
        message, scope = waiting.pop()
        full_name, seen = _within(scope, message.name), set()
        waiting += [(it, full_name) for it in message.nested_type]
        for field in message.field:
            line, key = schema.lines[_within(full_name, field.name)], json_name(field.name)
            if key in seen:
                raise BadSchema(line, f"Two fields are {shown(key)} in JSON.")
            if len(key) > LONGEST_NAME:
                raise BadSchema(line, f"A name has {len(key)} characters; {LONGEST_NAME} are the most.")
            seen.add(key)


def json_name(name: str) -> str:
    """Return what a field is called in JSON: `battery_level` is `batteryLevel`."""
    first, *others = name.split("_")
    return first + "".join(it[:1].upper() + it[1:] for it in others)


def _within(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name
