"""Tests of values that filters of questions are made of: texts, numbers, booleans, and their combinations."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from deedbox.core.values import Value


class TextOperation(StrEnum):
    """How a text is compared; IN and NOT_IN take a list with commas."""

    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    CONTAINS = "CONTAINS"
    NOT_CONTAINS = "NOT_CONTAINS"
    IN = "IN"
    NOT_IN = "NOT_IN"


class NumberOperation(StrEnum):
    """How a number is compared."""

    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    GREATER = "GREATER"
    LESS = "LESS"
    GREATER_OR_EQUAL = "GREATER_OR_EQUAL"
    LESS_OR_EQUAL = "LESS_OR_EQUAL"


class TextTest(msgspec.Struct, frozen=True):
    """A comparison with a text; an empty one lets every text pass. Made by `text_test`.

    `listed` are the texts of IN and NOT_IN. What ignores case compares in lower case.
    """

    operation: TextOperation
    text: str
    ignores_case: bool
    listed: frozenset[str]


class NumberTest(msgspec.Struct, frozen=True):
    """A comparison with a number."""

    operation: NumberOperation
    number: float


class TruthTest(msgspec.Struct, frozen=True):
    """Whether a boolean is (or `is_not`) this one."""

    truth: bool
    is_not: bool = False


class Combination(msgspec.Struct, frozen=True):
    """Several tests of one value: all of them, or any."""

    tests: tuple["Test", ...]
    any_is_enough: bool = False


Test = TextTest | NumberTest | TruthTest | Combination


def text_test(operation: TextOperation, text: str, *, ignores_case: bool) -> TextTest:
    """Return a test of texts, with all done that need not be done anew for each value."""
    wanted = text.lower() if ignores_case else text
    is_list = operation in (TextOperation.IN, TextOperation.NOT_IN)
    listed = frozenset(it.strip().strip("'\"") for it in wanted.split(",")) if is_list else frozenset[str]()
    return TextTest(operation, wanted, ignores_case, listed)


def passes(test: Test, value: Value) -> bool:
    """Tell whether a value passes; one of another type than the test is about does not."""
    if isinstance(test, Combination):
        passed = [passes(it, value) for it in test.tests]
        return any(passed) if test.any_is_enough and passed else all(passed)
    if isinstance(test, TextTest):
        return isinstance(value, str) and _text_passes(test, value)
    if isinstance(test, TruthTest):
        return isinstance(value, bool) and (value is test.truth) is not test.is_not
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and _number_passes(test, value)  # type: ignore[arg-type]  # a number, as just asked


def _text_passes(test: TextTest, value: str) -> bool:
    wanted = test.text
    if not wanted:
        return True
    if test.ignores_case:
        value = value.lower()
    match test.operation:
        case TextOperation.EQUAL | TextOperation.NOT_EQUAL:
            fits = value == wanted
        case TextOperation.STARTS_WITH:
            fits = value.startswith(wanted)
        case TextOperation.ENDS_WITH:
            fits = value.endswith(wanted)
        case TextOperation.CONTAINS | TextOperation.NOT_CONTAINS:
            fits = wanted in value
        case _:
            fits = value in test.listed
    return fits is not test.operation.name.startswith("NOT_")


def _number_passes(test: NumberTest, value: float) -> bool:
    match test.operation:
        case NumberOperation.EQUAL:
            return value == test.number
        case NumberOperation.NOT_EQUAL:
            return value != test.number
        case NumberOperation.GREATER:
            return value > test.number
        case NumberOperation.LESS:
            return value < test.number
        case NumberOperation.GREATER_OR_EQUAL:
            return value >= test.number
    return value <= test.number


def single_tests(test: Test) -> Iterator[Test]:
    """Yield a test and all that it is combined of."""
    if isinstance(test, Combination):
        for it in test.tests:
            yield from single_tests(it)
    yield test
