"""Values and telemetry messages: kinds, names, numeric strings, moments (thingsboard §1)."""

from typing import Any

import pytest

from deedbox.core.errors import InvalidValue
from deedbox.core.telemetry import Point, moment, points_of
from deedbox.core.values import as_value, checked_name, named_values

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (True, True),
        (False, False),
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        (1.5, 1.5),
        (42.0, 42.0),
        ("text", "text"),
        ("", ""),
        ("007", 7),
        ("-12", -12),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("5.", "5."),
        ("+5", "+5"),
        ("1e5", "1e5"),
        ("0x10", "0x10"),
        (" 5", " 5"),
        ("5\n", "5\n"),
        ("٣", "٣"),
        ("1_000", "1_000"),
        ("NaN", "NaN"),
        ("9223372036854775808", "9223372036854775808"),
        ("1" * 65, "1" * 65),
        ("true", "true"),
        ([1], [1]),
        ({"a": None}, {"a": None}),
    ],
)
def test_kinds(raw: object, value: object) -> None:
    found = as_value("a", raw)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("raw", [None, float("nan"), float("inf"), "\0", "a\0b"])
def test_what_can_not_be_stored(raw: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        as_value("a", raw)
    assert refused.value.pointer == "/a"


def test_names() -> None:
    assert checked_name("ä b/c.d,e") == "ä b/c.d,e"
    assert checked_name("k" * 255) == "k" * 255
    for name in ("", " \t", "k" * 256, "a\0"):
        with pytest.raises(InvalidValue):
            checked_name(name)


@pytest.mark.parametrize("data", [None, 1, "a", [], [("a", 1)], {}])
def test_only_objects_with_members_hold_values(data: Any) -> None:
    with pytest.raises(InvalidValue, match=r"JSON object|no values"):
        named_values(data, "It")


@pytest.mark.parametrize(
    ("message", "points"),
    [
        ({"a": 1, "b": "2"}, [Point("a", NOW, 1), Point("b", NOW, 2)]),
        ({"ts": 7, "values": {"a": 1}}, [Point("a", 7, 1)]),
        ({"ts": 7.9, "values": {"a": 1}}, [Point("a", 7, 1)]),
        ({"ts": "7", "values": {"a": 1}}, [Point("a", 7, 1)]),
        ({"ts": 7, "a": 1}, [Point("ts", NOW, 7), Point("a", NOW, 1)]),
        ({"values": {"a": 1}}, [Point("values", NOW, {"a": 1})]),
        ([{"a": 1}, {"ts": 7, "values": {"a": 2}}], [Point("a", NOW, 1), Point("a", 7, 2)]),
    ],
)
def test_telemetry_messages(message: object, points: list[Point]) -> None:
    assert points_of(message, NOW) == points


@pytest.mark.parametrize("raw", ["7", "7.5", 7, 7.99])
def test_moments_are_cut_to_whole_milliseconds(raw: object) -> None:
    assert moment(raw, "ts") == 7


@pytest.mark.parametrize(
    "raw", [None, True, -1, "-1", "noon", "", "nan", "inf", 1e300, 10**30, [], "9" * 400]
)
def test_what_is_no_moment(raw: object) -> None:
    with pytest.raises(InvalidValue, match="'ts' must be a moment"):
        moment(raw, "ts")
