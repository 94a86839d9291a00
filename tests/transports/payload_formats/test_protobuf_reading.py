"""Protobuf as values: every kind of field, what is left out, what is no message at all."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from deedbox.core.errors import InvalidValue
from deedbox.core.payload_schemas.compiling import compiled
from deedbox.core.payload_schemas.purposes import payload_messages
from deedbox.core.telemetry_journal import points_of
from deedbox.transports.payload_formats.either_format import EitherGatewayReader, EitherReader
from deedbox.transports.payload_formats.json_format import JsonGatewayReader, JsonReader
from deedbox.transports.payload_formats.message_values import MOST_VALUES, MessageValues
from deedbox.transports.payload_formats.protobuf_format import ProtobufReader
from deedbox.transports.payload_formats.protobuf_gateways import ProtobufGatewayReader
from deedbox.transports.payload_formats.provisioning_messages import protobuf_request

CORPUS = Path(__file__).parent / "corpus"
EVERYTHING = """syntax = "proto3";
enum Mode { OFF = 0; ON = 1; }
message Tree { optional string name = 1; repeated Tree trees = 2; int32 always = 3; }
message Everything {
  optional double d = 1; optional float f = 2; optional int64 i = 3; optional uint64 u = 4;
  optional bool b = 5;
  optional string s = 6; optional bytes raw = 7; optional Mode mode = 8; optional Tree tree = 9;
  repeated int32 numbers = 10; repeated Tree trees = 11; oneof one { string left = 12; bool right = 13; }
  double plain_d = 14; int32 plain_i = 15; string plain_s = 16; Mode plain_mode = 17; bytes plain_raw = 18;
}"""
Everything = compiled(EVERYTHING, "s").message
read = MessageValues(Everything).read
reader = ProtobufReader(payload_messages(EVERYTHING, EVERYTHING, "", EVERYTHING))
DEVICE = UUID(int=1)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.fixed_dictionaries({}, optional={"name": NAMES, "always": st.integers(-5, 5)}),
    lambda inner: st.fixed_dictionaries({"trees": st.lists(inner, max_size=2)}),
    max_leaves=4,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "d": st.floats(),
        "f": st.floats(width=32),
        "i": st.integers(-(2**63), 2**63 - 1),
        "u": st.integers(0, 2**64 - 1),
        "b": st.booleans(),
        "s": NAMES,
        "raw": st.binary(max_size=5),
        "mode": st.integers(-2, 3),
        "tree": TREES,
        "numbers": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
        "trees": st.lists(TREES, max_size=2),
        "left": NAMES,
        "plain_d": st.floats(allow_nan=False),
        "plain_s": NAMES,
        "plain_mode": st.integers(0, 1),
    },
)


def as_the_standard_says(message: Message) -> Any:
    """Return the JSON form that the library makes, slowly, with 64-bit integers as numbers."""
    told = MessageToDict(message, always_print_fields_with_no_presence=True)
    return told | {name: int(told[name]) for name in ("i", "u") if name in told}


@settings(max_examples=60, deadline=None)
@given(FIELDS)
def test_any_message_is_read_as_its_json_form(fields: dict[str, Any]) -> None:
    message = Everything(**fields)
    assert read(message.SerializeToString()) == as_the_standard_says(message)


@settings(max_examples=60, deadline=None)
@given(FIELDS)
def test_what_is_taken_as_telemetry_can_be_stored(fields: dict[str, Any]) -> None:
    """What is in the journal is moved later, and may not be refused then."""
    with suppress(InvalidValue):
        found = reader.telemetry_message(Everything(**fields).SerializeToString(), 5)
        assert found is not None
        message, names, count = found
        points = points_of(message)
        assert ({it.key for it in points}, len(points)) == (set(names), count)


READERS: list[Any] = [
    reader,
    EitherReader(reader, JsonReader()),
    ProtobufGatewayReader(),
    EitherGatewayReader(ProtobufGatewayReader(), JsonGatewayReader()),
]


def read_all(body: bytes) -> None:
    """Read the bytes as each message that there is: what is none is refused, and nothing else happens."""
    for it in READERS[:2]:
        for one in (it.attributes, it.attribute_request, it.device_request, it.reply):
            with suppress(InvalidValue):
                one(body)
        with suppress(InvalidValue):
            it.claim_message(DEVICE, body)
        with suppress(InvalidValue):
            it.telemetry_message(body, 5)
    for it in READERS[2:]:
        for one in (it.device_named, it.attribute_request, it.reply):
            with suppress(InvalidValue):
                one(body)
        for one in (it.claims, it.measurements, it.reports):
            with suppress(InvalidValue):
                assert all(msgspec.json.decode(text) is not None for text in one(body, 1000).values())
    protobuf_request(body)


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_but_be_read_or_refused(body: bytes) -> None:
    read_all(body)


@settings(max_examples=40, deadline=None)
@given(FIELDS, st.integers(0, 60), st.binary(max_size=3))
def test_nor_do_messages_that_are_cut_or_overwritten(fields: dict[str, Any], at: int, more: bytes) -> None:
    body = Everything(**fields).SerializeToString()
    read_all(body[:at] + more + body[at + len(more) :])
    read_all(body[:at])


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.bin")), ids=lambda it: it.stem)
def test_the_corpus(file: Path) -> None:
    read_all(file.read_bytes())


def test_a_few_bytes_can_not_stand_for_very_many_values() -> None:
    body = b"\x5a\x00" * (MOST_VALUES // 3 + 1)  # empty trees, each of three fields
    with pytest.raises(InvalidValue, match="more than 10000 values"):
        read(body)


def test_a_message_of_unknown_fields_only_is_another_message() -> None:
    with pytest.raises(InvalidValue, match="Everything"):
        read(b"\x90\x03\x01")
    assert read(b"\x90\x03\x01\x78\x05")["plainI"] == 5


def test_numbers_of_32_bits_are_not_longer_than_they_are() -> None:
    assert read(Everything(f=0.1).SerializeToString())["f"] == 0.1
    assert read(Everything(f=16_777_217.0).SerializeToString())["f"] == 16_777_216.0
