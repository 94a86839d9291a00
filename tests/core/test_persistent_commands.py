"""Stored commands: how long they live, and which states a list can ask for."""

import pytest

from deedbox.core.command_limits import CommandLimits
from deedbox.core.errors import InvalidValue
from deedbox.core.persistent_commands import Status, Wish, expiry, status_of

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("timeout_ms", "expires_at", "expected"),
    [
        (None, None, NOW_MS + 10_000),
        (60_000, None, NOW_MS + 60_000),
        (1, None, NOW_MS + 5_000),
        (0, None, NOW_MS + 5_000),
        (60_000, NOW_MS + 1, NOW_MS + 1),
        (None, NOW_MS - 1, NOW_MS - 1),
        (None, -5, 0),
        (None, NOW_MS + 400 * DAY_MS, NOW_MS + 30 * DAY_MS),
        (400 * DAY_MS, None, NOW_MS + 30 * DAY_MS),
    ],
)
def test_a_command_expires(timeout_ms: int | None, expires_at: int | None, expected: int) -> None:
    """Thingsboard §6.7: expirationTime comes before timeout, which is at least 5000 and by default 10000."""
    wish = Wish("m", None, one_way=True, timeout_ms=timeout_ms, expires_at=expires_at)
    assert expiry(wish, NOW_MS, CommandLimits()) == expected


def test_states_that_a_list_can_ask_for() -> None:
    assert [status_of(it) for it in (None, "", "queued", "EXPIRED")] == [
        None,
        None,
        Status.QUEUED,
        Status.EXPIRED,
    ]
    for unknown in ("DELETED", "LOST", "'"):
        with pytest.raises(InvalidValue, match="QUEUED, SENT, DELIVERED"):
            status_of(unknown)
