"""Identifiers rise strictly, whatever the clock does."""

import os

from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.ids import IdSequence

NOW_MS = 1_700_000_000_000


def test_they_are_version_7_and_carry_their_moment() -> None:
    """RFC 9562."""
    made = IdSequence(os.urandom).new_id(NOW_MS)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == NOW_MS


def test_more_than_a_millisecond_holds() -> None:
    ids = IdSequence(bytes)
    made = [ids.new_id(NOW_MS) for _ in range(10_000)]
    assert made == sorted(set(made))
    assert made[-1].int >> 80 == NOW_MS + 2


@given(st.lists(st.integers(0, 5), max_size=50))
def test_clocks_that_step_back_do_not_matter(moments: list[int]) -> None:
    ids = IdSequence(os.urandom)
    made = [ids.new_id(NOW_MS + it) for it in moments]
    assert made == sorted(set(made))
    assert {it.version for it in made} <= {7}
