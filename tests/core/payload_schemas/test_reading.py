"""Schemas that tenants give: what is understood, which line is wrong, and that protoc reads them alike."""

from contextlib import suppress
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from hypothesis import given, settings
from hypothesis import strategies as st

from deedbox.core.errors import InvalidValue
from deedbox.core.payload_schemas.compiling import LONGEST_SCHEMA, compiled

ALL_KINDS = """
// Firmware 2.
syntax = "proto3";
package acme.sensors;
option java_package = "com.acme";

enum Mode { option allow_alias = true; OFF = 0; ON = 1 [deprecated = true]; AN = 1; reserved 5 to 9; }
message Inner { repeated sint32 numbers = 1; Inner child = 2; }
/* The last
   message counts. */
message Report {
  reserved 40, 50 to 60;
  message Inner { optional fixed64 serial_number = 0x0A; enum Kind { A = 0; B = -3; } Kind kind = 2; }
  optional string name = 1;
  double d = 2; float f = 3; int32 i = 4; int64 j = 5; uint32 u = 6; uint64 v = 7; sint64 s = 8;
  fixed32 x = 9; sfixed32 y = 10; sfixed64 z = 11; bool b = 12; bytes raw = 13 [(nanopb).max_size = 40];
  oneof more { string text = 14; Inner inside = 15; }
  Mode mode = 16;
  .acme.sensors.Inner outer = 17;
  sensors.Mode mode_again = 18;
  optional Inner last = 19;;
}
"""


def protoc_reads(text: str, folder: Path) -> FileDescriptorProto:
    (folder / "schema.proto").write_text(text)
    told = folder / "told.bin"
    assert protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={told}", "schema.proto"]) == 0
    return FileDescriptorSet.FromString(told.read_bytes()).file[0]


def without_what_says_nothing(file: FileDescriptorProto) -> FileDescriptorProto:
    """Leave out options, reserved numbers and JSON names, which follow from the names."""
    waiting = list(file.message_type)
    enums = list(file.enum_type)
    file.ClearField("options")
    while waiting:
        message = waiting.pop()
        waiting += message.nested_type
        enums += message.enum_type
        message.ClearField("reserved_range")
        for field in message.field:
            field.ClearField("json_name")
            field.ClearField("options")
    for enum in enums:
        enum.ClearField("options")
        enum.ClearField("reserved_range")
        for value in enum.value:
            value.ClearField("options")
    return file


def ours(text: str) -> FileDescriptorProto:
    found = FileDescriptorProto()
    compiled(text, "schema").message.DESCRIPTOR.file.CopyToProto(found)
    return without_what_says_nothing(found)


def test_protoc_reads_all_that_we_understand_alike(tmp_path: Path) -> None:
    plain = ALL_KINDS.replace(" [(nanopb).max_size = 40]", "")
    assert ours(ALL_KINDS) == without_what_says_nothing(protoc_reads(plain, tmp_path))


FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["", "optional ", "repeated "]),
        st.sampled_from(["double", "float", "int64", "sint32", "bool", "string", "bytes", "E", "Other"]),
        st.integers(1, 18_999),
    ),
    unique_by=lambda it: it[2],
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(st.lists(FIELDS, min_size=1, max_size=3), st.sampled_from(["", "package a;", "package a.b;"]))
def test_protoc_reads_any_schema_alike(
    tmp_path_factory: pytest.TempPathFactory, messages: list[list[tuple[str, str, int]]], package: str
) -> None:
    text = f'syntax = "proto3"; {package} enum E {{ ZERO = 0; }} message Other {{}}\n'
    for place, fields in enumerate(messages):
        members = "".join(
            f"  {label}{kind} f{at} = {number};\n" for at, (label, kind, number) in enumerate(fields)
        )
        text += f"message M{place} {{\n{members}}}\n"
    assert ours(text) == without_what_says_nothing(protoc_reads(text, tmp_path_factory.mktemp("schema")))


HEAD = 'syntax = "proto3";\n'


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "syntax"),
        ('syntax = "proto2"; message A {}', 1, "syntax"),
        (HEAD, 2, "no message"),
        (HEAD + "message A {\n  int32 x = ;\n}", 3, "number of the field"),
        (HEAD + "message A {", 2, "the end of the schema"),
        (HEAD + "message A {\n  B b = 1;\n}", 3, "no type “B”"),
        (HEAD + "message A {\n  int32 a = 1;\n  int32 b = 1;\n}", 4, "the number 1"),
        (HEAD + "message A {\n  int32 a = 1;\n  bool a = 2;\n}", 4, "“a” is there twice"),
        (HEAD + "message A {\n  int32 a_b = 1;\n  int32 aB = 2;\n}", 4, "“aB” in JSON"),
        (HEAD + "message A {\n  int32 a = 0;\n}", 3, "1 to 536870911"),
        (HEAD + "message A {\n  int32 a = 19500;\n}", 3, "19000"),
        (HEAD + "message A {\n  int32 a = 1.5;\n}", 3, "“1.5”"),
        (HEAD + "\nenum E { A = 1; }\nmessage M { E e = 1; }", 3, "must be 0"),
        (HEAD + "enum E { A = 0; B = 2147483648; }\nmessage M { }", 2, "32 bits"),
        (HEAD + 'import "other.proto";', 2, "Imports"),
        (HEAD + "message A { map<string, int32> m = 1; }", 2, "Maps"),
        (HEAD + "message A { required int32 m = 1; }", 2, "required"),
        (HEAD + "message A { group G = 1 {} }", 2, "Groups"),
        (HEAD + "message A { int32 a = 1 [default = 5]; }", 2, "Default values"),
        (HEAD + "message A { oneof o { } }", 2, "no fields"),
        (HEAD + "message A { int32 ü = 1; }", 2, "can't stand here"),
        (HEAD + "/* without end", 2, "can't stand here"),
        (HEAD + "message A {" * 20 + "}" * 20, 2, "16 levels"),
        (HEAD + "message A {" + "".join(f"bool b{n}={n + 1};" for n in range(1001)) + "}", 2, "1000 fields"),
    ],
)
def test_a_wrong_schema_is_refused_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        compiled(text, "deviceTelemetryProtoSchema")
    assert told in refused.value.message
    assert f"deviceTelemetryProtoSchema, line {line}:" in refused.value.message


def test_a_schema_that_is_too_long_is_not_read() -> None:
    with pytest.raises(InvalidValue, match="at most 16384"):
        compiled(HEAD + " " * LONGEST_SCHEMA + "message A {}", "s")


@given(st.text(alphabet='message{}=;"<>[]()A1 \n/*optional', max_size=80))
def test_no_text_does_anything_but_compile_or_be_refused(text: str) -> None:
    for whole in (text, HEAD + text, HEAD + "message A {" + text + "}"):
        with suppress(InvalidValue):
            compiled(whole, "schema")
