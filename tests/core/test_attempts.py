"""Budgets: what is left, when an attempt is free again, and whose they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core import attempts
from deedbox.core.attempts import Budget, Ledger
from deedbox.testing.claim_scene import made_id

WINDOW_MS = 300_000
NOW_MS = 1_700_000_000_000
BUDGET = Budget(b"s", 3, WINDOW_MS)


def left(*spent_ago_ms: int, now_ms: int = NOW_MS) -> Ledger:
    """Return a ledger in which attempts were spent that long ago."""
    return Ledger({b"s": sorted(NOW_MS - ago for ago in spent_ago_ms)}, now_ms)


def test_an_attempt_is_free_until_the_limit() -> None:
    assert left(1, 2).wait_ms([BUDGET]) == 0
    assert left(1, 2, 3).wait_ms([BUDGET]) == WINDOW_MS - 3
    assert Ledger({}, NOW_MS).wait_ms([BUDGET]) == 0
    assert Ledger({}, NOW_MS).wait_ms([]) == 0


def test_the_window_slides_to_the_millisecond() -> None:
    assert left(1, 2, WINDOW_MS).wait_ms([BUDGET]) == 0
    assert left(1, 2, WINDOW_MS - 1).wait_ms([BUDGET]) == 1


def test_what_was_overspent_is_waited_for_too() -> None:
    """With five spent of three, three have to age before one is free."""
    assert left(1, 2, 3, 4, 5).wait_ms([BUDGET]) == WINDOW_MS - 3


def test_a_clock_that_steps_back_frees_nothing() -> None:
    assert left(0, 1, 2, now_ms=NOW_MS - 1000).wait_ms([BUDGET]) == WINDOW_MS + 1000 - 2


def test_the_longest_wait_counts_and_spending_hits_every_budget() -> None:
    by_device, by_user = Budget(b"d", 1, WINDOW_MS), Budget(b"u", 2, WINDOW_MS)
    ledger = Ledger({b"u": [NOW_MS - 7]}, NOW_MS)
    assert not ledger.is_spent([by_device, by_user])
    ledger.spend([by_device, by_user])
    assert ledger.newly_spent == [(b"d", NOW_MS), (b"u", NOW_MS)]
    assert ledger.wait_ms([by_device]) == WINDOW_MS
    assert ledger.wait_ms([by_device, by_user]) == WINDOW_MS
    assert ledger.wait_ms([by_user]) == WINDOW_MS - 7


@given(st.lists(st.integers(0, 2 * WINDOW_MS), max_size=12), st.integers(1, 6))
def test_after_the_wait_there_is_one_and_before_it_there_is_none(ago_ms: list[int], limit: int) -> None:
    budget = Budget(b"s", limit, WINDOW_MS)
    wait_ms = left(*ago_ms).wait_ms([budget])
    assert left(*ago_ms, now_ms=NOW_MS + wait_ms).wait_ms([budget]) == 0
    if wait_ms:
        assert left(*ago_ms, now_ms=NOW_MS + wait_ms - 1).wait_ms([budget]) == 1


def test_scopes_keep_users_tenants_names_and_purposes_apart() -> None:
    one, two = made_id(1), made_id(2)
    scopes = [
        attempts.user_scope(one),
        attempts.user_scope(two),
        attempts.user_device_scope(one, two, "name"),
        attempts.user_device_scope(two, one, "name"),
        attempts.user_device_scope(one, two, "Name"),
        attempts.user_device_scope(one, two, ""),
        attempts.address_scope(b"sign-in", "192.0.2.1"),
        attempts.address_scope(b"intent", "192.0.2.1"),
    ]
    assert len(set(scopes)) == len(scopes)
    assert {len(it) for it in scopes} == {16}


@pytest.mark.parametrize("name", ["\ud800", "é" * 255, "a/b", "\0"])
def test_any_name_has_a_scope(name: str) -> None:
    assert len(attempts.user_device_scope(made_id(1), made_id(2), name)) == 16
