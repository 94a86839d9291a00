"""Reads a schema: the part of proto3 that says what is in a message.

What says nothing about that (options, reserved numbers) is read and left out; what reaches beyond one schema
(imports, extensions) and what proto3 has no more is refused.
"""

from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from deedbox.core.payload_schemas.words import BadSchema, Word, WordReader, shown, words_of

MOST_LEVELS = 16
MOST_FIELDS = 1000
_SCALARS = {
    name.removeprefix("TYPE_").lower(): number
    for name, number in FieldDescriptorProto.Type.items()
    if name not in ("TYPE_GROUP", "TYPE_MESSAGE", "TYPE_ENUM")
}
_NOT_HERE = {
    "import": "Imports can't be used: put the messages into this schema.",
    "extend": "Extensions can't be used.",
    "extensions": "Extensions can't be used.",
    "group": "Groups can't be used: make it a message.",
    "map": "Maps can't be used: make it a repeated message with two fields.",
    "required": "“required” is not a part of proto3: leave it out.",
    "service": "Services can't be used: a schema is about messages only.",
    "edition": 'Only proto3 is understood: begin with syntax = "proto3";',
}
_FIELD = "a field as “optional int32 level = 1;”"


class Reference(NamedTuple):
    """A field whose type is a message or an enum, by a name that is to be looked up from `scope` outwards."""

    field: FieldDescriptorProto
    scope: str
    line: int


class Schema(NamedTuple):
    """A schema as it was read. `lines`: where each message, enum and field is defined, by full name."""

    file: FileDescriptorProto
    references: list[Reference]
    lines: Mapping[str, int]


def read_schema(text: str) -> Schema:
    """Return what a schema says; its names are not looked up yet. Raises BadSchema."""
    return _Reader(WordReader(words_of(text))).read()


class _Reader:
    def __init__(self, words: WordReader) -> None:
        self._words = words
        self._file = FileDescriptorProto(syntax="proto3")
        self._references: list[Reference] = []
        self._lines: dict[str, int] = {}
        #: The numbers that are taken, with the full names of their messages.
        self._numbers: set[tuple[str, int]] = set()

    def read(self) -> Schema:
        self._syntax()
        while self._words.next.kind != "end":
            self._part_of_file()
        if not self._file.message_type:
            raise BadSchema(self._words.next.line, "There is no message in it.")
        return Schema(self._file, self._references, self._lines)

    def _syntax(self) -> None:
        words = self._words
        expected = 'syntax = "proto3"; at the beginning'
        words.expect("syntax", expected)
        words.expect("=", expected)
        if words.next.text.strip("\"'") != "proto3" or words.next.kind != "text":
            words.refuse(expected)
        words.take()
        words.expect(";", "“;”")

    def _part_of_file(self) -> None:
        words = self._words
        if words.takes(";"):
            return
        if words.takes("package"):
            if self._file.package or self._file.message_type or self._file.enum_type:
                words.refuse("The package before all messages, and only once,")
            self._file.package = self._full_name()
        elif words.takes("option"):
            self._skip_to_semicolon()
        elif words.takes("message"):
            self._message(self._file.message_type.add(), self._file.package, MOST_LEVELS)
        elif words.takes("enum"):
            self._enum(self._file.enum_type.add(), self._file.package)
        else:
            self._refuse("A message or an enum")

    def _message(self, message: DescriptorProto, scope: str, levels: int) -> None:
        name = self._words.name("The name of the message")
        if not levels:
            raise BadSchema(name.line, f"Messages are nested deeper than {MOST_LEVELS} levels.")
        message.name = name.text
        inside = self._define(scope, name)
        self._words.expect("{", "“{”")
        while not self._words.takes("}"):
            self._part_of_message(message, inside, levels)
        # What is optional has a oneof of its own, behind all others.
        for field in message.field:
            if field.proto3_optional:
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")

    def _part_of_message(self, message: DescriptorProto, scope: str, levels: int) -> None:
        words = self._words
        if words.takes(";"):
            return
        if words.takes("message"):
            self._message(message.nested_type.add(), scope, levels - 1)
        elif words.takes("enum"):
            self._enum(message.enum_type.add(), scope)
        elif words.takes("oneof"):
            self._oneof(message, scope)
        elif words.takes("option") or words.takes("reserved"):
            self._skip_to_semicolon()
        else:
            self._field(message, scope)

    def _oneof(self, message: DescriptorProto, scope: str) -> None:
        name, index = self._words.name("The name of the oneof"), len(message.oneof_decl)
        self._define(scope, name)
        message.oneof_decl.add(name=name.text)
        self._words.expect("{", "“{”")
        before = len(message.field)
        while not self._words.takes("}"):
            if self._words.takes("option"):
                self._skip_to_semicolon()
            elif not self._words.takes(";"):
                self._field(message, scope, index)
        if len(message.field) == before:
            raise BadSchema(name.line, f"The oneof {shown(name.text)} has no fields.")

    def _field(self, message: DescriptorProto, scope: str, oneof: int | None = None) -> None:
        words = self._words
        field = message.field.add(label=FieldDescriptorProto.LABEL_OPTIONAL)
        if oneof is not None:
            field.oneof_index = oneof
        elif words.takes("repeated"):
            field.label = FieldDescriptorProto.LABEL_REPEATED
        elif words.takes("optional"):
            field.proto3_optional = True
        self._type(field, scope)
        name = words.name("The name of the field")
        self._define(scope, name)
        field.name = name.text
        words.expect("=", "“=” and the number of the field")
        field.number = self._field_number(scope)
        if words.takes("["):
            self._field_options()
        words.expect(";", "“;”")
        if len(self._numbers) > MOST_FIELDS:
            raise BadSchema(name.line, f"There are more than {MOST_FIELDS} fields.")

    def _type(self, field: FieldDescriptorProto, scope: str) -> None:
        word = self._words.next
        if word.kind != "name" or word.text in _NOT_HERE:
            self._refuse(_FIELD)
        self._words.take()
        if word.text in _SCALARS:
            field.type = FieldDescriptorProto.Type.ValueType(_SCALARS[word.text])
        else:
            field.type_name = word.text
            self._references.append(Reference(field, scope, word.line))

    def _field_number(self, scope: str) -> int:
        line = self._words.next.line
        number = self._words.number("The number of the field, as 1,")
        if not 0 < number < 2**29 or 19_000 <= number < 20_000:
            raise BadSchema(line, "A field has a number from 1 to 536870911, but not 19000 to 19999.")
        if (scope, number) in self._numbers:
            raise BadSchema(line, f"Two fields have the number {number}.")
        self._numbers.add((scope, number))
        return number

    def _field_options(self) -> None:
        """Read what stands in brackets behind a field: it says nothing about what is in a message."""
        words = self._words
        while not words.takes("]"):
            if words.next.text == "default":
                raise BadSchema(words.next.line, "Default values are not a part of proto3: leave it out.")
            if words.next.kind == "end" or words.next.text in (";", "{", "}"):
                words.refuse("“]”")
            words.take()

    def _enum(self, enum: EnumDescriptorProto, scope: str) -> None:
        words, name = self._words, self._words.name("The name of the enum")
        enum.name = name.text
        self._define(scope, name)
        words.expect("{", "“{”")
        while not words.takes("}"):
            if words.takes("option") or words.takes("reserved"):
                self._skip_to_semicolon()
            elif not words.takes(";"):
                self._enum_value(enum, scope)
        if not enum.value or enum.value[0].number:
            raise BadSchema(name.line, f"The first value of the enum {shown(name.text)} must be 0.")

    def _enum_value(self, enum: EnumDescriptorProto, scope: str) -> None:
        words, name = self._words, self._words.name("A value as “OFF = 0;”")
        # Values belong to what is around their enum, as in C++.
        self._define(scope, name)
        words.expect("=", "“=” and a number")
        line, number = words.next.line, words.number("A number")
        if not -(2**31) <= number < 2**31:
            raise BadSchema(line, "The number of a value must fit into 32 bits.")
        if words.takes("["):
            self._field_options()
        words.expect(";", "“;”")
        enum.value.add(name=name.text, number=number)

    def _define(self, scope: str, name: Word) -> str:
        """Note a name and return it in full. Raises BadSchema for one that is there already."""
        full_name = f"{scope}.{name.text}" if scope else name.text
        if full_name in self._lines:
            raise BadSchema(name.line, f"The name {shown(name.text)} is there twice.")
        self._lines[full_name] = name.line
        return full_name

    def _full_name(self) -> str:
        word = self._words.next
        if word.kind != "name" or word.text.startswith("."):
            self._words.refuse("A name")
        self._words.take()
        self._words.expect(";", "“;”")
        return word.text

    def _skip_to_semicolon(self) -> None:
        while not self._words.takes(";"):
            if self._words.next.kind == "end":
                self._words.refuse("“;”")
            self._words.take()

    def _refuse(self, expected: str) -> NoReturn:
        word = self._words.next
        if word.kind == "name" and word.text in _NOT_HERE:
            raise BadSchema(word.line, _NOT_HERE[word.text])
        self._words.refuse(expected)
