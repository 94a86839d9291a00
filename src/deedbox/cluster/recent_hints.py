"""Hints of the last moments, to be sent again to nodes that may not have heard them."""

import time
from collections import deque
from collections.abc import Callable, Iterator

#: Longer than it takes to notice that NATS hangs, and than others take to come back after this node.
_REMEMBERED_FOR_S = 30.0
_MOST = 10_000


class RecentHints:
    """What was published, by subject. While others are away, nothing but the oldest of many is forgotten."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock_s = clock_s
        self._hints: deque[tuple[float, str, bytes]] = deque(maxlen=most)

    def add(self, subject: str, message: bytes, were_others_told: bool) -> None:
        """Remember a hint."""
        now_s = self._clock_s()
        while were_others_told and self._hints and now_s - self._hints[0][0] > _REMEMBERED_FOR_S:
            self._hints.popleft()
        self._hints.append((now_s, subject, message))

    def again(self) -> Iterator[tuple[str, bytes]]:
        """Return each hint once, newest last, and remember all of them for as long again."""
        now_s = self._clock_s()
        hints = dict.fromkeys((subject, message) for _, subject, message in self._hints)
        self._hints.clear()
        self._hints.extend((now_s, *hint) for hint in hints)
        return iter(hints)
