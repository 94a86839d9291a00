"""JSON as devices write it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.errors import InvalidValue
from deedbox.transports.lenient_json import decode, decode_and_tell, decode_keeping_numbers_as_text

LENIENT = [
    (b"{temperature:42,humidity:73}", {"temperature": 42, "humidity": 73}),
    (b"{a: value1, b:true, c: 43.0, d: null}", {"a": "value1", "b": True, "c": 43.0, "d": None}),
    (b"{'a':'b\"c\\'d', 'e':[]}", {"a": "b\"c'd", "e": []}),
    (b"{a:{b:[1,two,[]],c:{}}}", {"a": {"b": [1, "two", []], "c": {}}}),
    (b"[True, FALSE, Null]", [True, False, None]),
    (b"{a:-1.5e3, b:v1.2.3, c:2021-01-01}", {"a": -1500.0, "b": "v1.2.3", "c": "2021-01-01"}),
    ("{größe:ü}".encode(), {"größe": "ü"}),
    (b"\t{ a :\r\n1 }\n", {"a": 1}),
]

MALFORMED = [
    b"", b"  ", b"{", b"}", b"[", b"{a}", b"{a:}", b"{:1}", b"{a:1,}", b"[1,]", b"[,1]", b"{a:1 b:2}",
    b"{a:b c}", b'{"a":"b}', b"{'a:1}", b"{a:nan}", b"{a:-Infinity}", b"{a:1e999}", b"{a=1}", b"{a:1;b:2}",
    b'{"a":"\\x"}', b"{'a':'\\ud800'}", b'"\\ud800"', b"{a:1}{b:2}", b"// c\n{}", b"\xc3(", b"\xef\xbb\xbf{}",
    b"[" * 100_000, b"{a:" * 100_000,
]  # fmt: skip

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, width=32)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda it: "Infinity" not in json.dumps(it))  # fmt: skip


@pytest.mark.parametrize(("body", "value"), LENIENT)
def test_what_shells_leave_over_is_understood(body: bytes, value: Any) -> None:
    """See thingsboard §2.1"""
    assert decode(body) == value
    assert not decode_and_tell(body)[1] or json.loads(body) == value


@pytest.mark.parametrize("body", MALFORMED, ids=lambda it: repr(it[:20]))
def test_what_nobody_can_understand_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidValue) as refused:
        decode(body)
    assert "character" in refused.value.message or "byte" in refused.value.message


@given(JSON_VALUES)
def test_strict_json_is_strict_json(value: Any) -> None:
    assert decode_and_tell(json.dumps(value).encode()) == (value, True)


@given(st.dictionaries(st.from_regex("[a-z]{1,9}", fullmatch=True), JSON_VALUES, min_size=1))
def test_bare_names_change_nothing(value: dict[str, Any]) -> None:
    members = ",".join(f"{name}:{json.dumps(it)}" for name, it in value.items())
    assert decode_and_tell(f"{{{members}}}".encode()) == (value, False)


@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,'\"\\ ab1.-etrufalsn\n").map(str.encode))
def test_nothing_else_than_a_refusal_comes_of_rubbish(body: bytes) -> None:
    for read in (decode, decode_keeping_numbers_as_text):
        try:
            read(body)
        except InvalidValue:
            continue


def test_numbers_can_stay_as_they_were_written() -> None:
    assert decode_keeping_numbers_as_text(b'{"a":1.50,"b":007e1}'.replace(b"007", b"7")) == {
        "a": "1.50",
        "b": "7e1",
    }
    assert decode_keeping_numbers_as_text(b"{a:1.50,b:007}") == {"a": "1.50", "b": "007"}
