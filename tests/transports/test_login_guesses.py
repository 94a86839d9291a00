"""Wrong credentials by address: what is counted, who is held back, who is not, and for how long."""

import pytest

from deedbox.transports import login_guesses
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.settings import DeviceLoginSettings

HERE, THERE = "192.0.2.1", "192.0.2.2"
WINDOW_MS = 60_000


def made(most: int = 3) -> LoginGuesses:
    return LoginGuesses(DeviceLoginSettings(attempts_per_address=most, attempts_window_s=60))


def guessed(guesses: LoginGuesses, count: int, address: str = HERE, now_ms: int = 0) -> None:
    for number in range(count):
        assert guesses.judge(address, b"wrong %d" % number, False, now_ms + number) == 0


def test_beyond_the_budget_right_and_wrong_are_the_same() -> None:
    """Attacks A01: whoever guesses on learns nothing."""
    guesses = made()
    guessed(guesses, 3)
    assert guesses.judge(HERE, b"wrong 4", False, 10) == WINDOW_MS - 10
    assert guesses.judge(HERE, b"right", True, 10) == WINDOW_MS - 10


def test_the_window_slides() -> None:
    guesses = made()
    guessed(guesses, 3)
    assert guesses.judge(HERE, b"right", True, WINDOW_MS - 1) == 1
    assert guesses.judge(HERE, b"right", True, WINDOW_MS) == 0


def test_other_addresses_have_budgets_of_their_own() -> None:
    guesses = made()
    guessed(guesses, 3)
    assert guesses.judge(THERE, b"wrong", False, 10) == 0
    assert guesses.judge(THERE, b"right", True, 10) == 0


def test_an_ipv6_network_is_one_address() -> None:
    guesses = made()
    guessed(guesses, 3, "2001:db8::1")
    assert guesses.judge("2001:db8::2", b"right", True, 10) > 0
    assert guesses.judge("2001:db8:0:1::2", b"right", True, 10) == 0


def test_the_same_wrong_ones_again_are_no_guess() -> None:
    """A device that was deleted comes back for ever; those beside it are not held back."""
    guesses = made()
    for now_ms in range(100):
        assert guesses.judge(HERE, b"deleted", False, now_ms) == 0
    guessed(guesses, 2)
    assert guesses.judge(HERE, b"deleted", False, 100) == 0
    assert guesses.judge(HERE, b"another", False, 100) > 0


def test_who_was_right_before_stays_so() -> None:
    """A stranger behind the same address can't lock out the devices that are there."""
    guesses = made()
    guessed(guesses, 1)
    assert guesses.judge(HERE, b"right", True, 10) == 0
    guessed(guesses, 3)
    assert guesses.judge(HERE, b"right", True, 10) == 0
    assert guesses.judge(HERE, b"right, too", True, 10) > 0


def test_nothing_is_counted_when_that_is_wished_or_nobody_knows_from_where() -> None:
    for guesses, address in ((made(0), HERE), (made(), "")):
        guessed(guesses, 100, address)
        assert guesses.remembered == 0


def test_memory_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behaviour §6.1: a flood from many addresses makes room for itself."""
    monkeypatch.setattr(login_guesses, "MOST_REMEMBERED", 20)
    guesses = made()
    for number in range(100):
        guessed(guesses, 3, f"198.51.100.{number}")
    assert guesses.remembered <= 20
    assert guesses.judge("198.51.100.99", b"right", True, 10) > 0
    assert guesses.judge("198.51.100.0", b"right", True, 10) == 0


def test_what_is_over_is_forgotten() -> None:
    guesses = made()
    for number in range(100):
        guessed(guesses, 3, f"198.51.100.{number}", number * WINDOW_MS)
    assert guesses.remembered <= 6
