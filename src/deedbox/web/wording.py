"""Values, ages and states as people read them."""

import msgspec

from deedbox.core.values import Value
from deedbox.web.texts import text

#: A device that was heard of within this time counts as online.
ONLINE_FOR_MS = 120_000
_LONGEST_VALUE = 200
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def value_words(value: Value) -> str:
    """Return a value as text of bounded length."""
    if isinstance(value, bool):
        return text("value.yes" if value else "value.no")
    if isinstance(value, float):
        return f"{value:.6g}"
    words = value if isinstance(value, str | int) else msgspec.json.encode(value).decode()
    words = str(words)
    return words if len(words) <= _LONGEST_VALUE else words[: _LONGEST_VALUE - 1] + "…"


def when_words(age_ms: int) -> str:
    """Return how long ago something was; what lies in the future, by somebody's wrong clock, is just now."""
    seconds = age_ms // 1000
    if seconds < 5:
        return text("when.now")
    for length, unit in _UNITS:
        count = seconds // length
        if count:
            return text(f"when.{unit}") if count == 1 else text(f"when.{unit}s", count=count)
    return text("when.seconds", count=seconds)


def state_words(age_ms: int | None) -> tuple[bool, str]:
    """Return whether a device counts as online, and its state; None: it has not been heard of."""
    if age_ms is None:
        return False, text("device.waiting")
    if age_ms < ONLINE_FOR_MS:
        return True, text("device.online")
    return False, text("device.seen", when=when_words(age_ms))
