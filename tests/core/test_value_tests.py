"""Tests of texts: what is to be done once per question is not done once per thing."""

import pytest

from deedbox.core.value_tests import TextOperation, passes, text_test


@pytest.mark.parametrize(
    ("operation", "text", "passing", "failing"),
    [
        (TextOperation.IN, "a, 'b',\"c\"", ["a", "b", "c"], ["d", "A", ""]),
        (TextOperation.NOT_IN, "a,b", ["c", "A"], ["a", "b"]),
        (TextOperation.IN, "", ["anything"], []),
        (TextOperation.EQUAL, "a,b", ["a,b"], ["a"]),
    ],
)
def test_lists_of_texts(operation: TextOperation, text: str, passing: list[str], failing: list[str]) -> None:
    test = text_test(operation, text, ignores_case=False)
    assert [it for it in [*passing, *failing] if passes(test, it)] == passing


def test_case_is_ignored_on_both_sides() -> None:
    test = text_test(TextOperation.IN, "Cold,WARM", ignores_case=True)
    assert [it for it in ("cold", "Warm", "hot") if passes(test, it)] == ["cold", "Warm"]


def test_a_list_is_cut_once_however_long_it_is() -> None:
    names = [f"device {it}" for it in range(5_000)]
    test = text_test(TextOperation.IN, ",".join(names), ignores_case=False)
    assert test.listed == frozenset(names)
    assert all(passes(test, it) for it in names)
