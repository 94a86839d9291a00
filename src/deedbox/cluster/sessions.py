"""Tells other nodes whose sign-in tokens to look up anew, and hears it from them."""

from collections.abc import Callable
from uuid import UUID

from deedbox.cluster.bus import Bus, Stop
from deedbox.cluster.recent_hints import RecentHints

#: One subject for all: each node may know tokens of anybody.
_SUBJECT = "deedbox.sessions"


class SessionNews:
    """News of sessions, users, customers and tenants that ended or changed, over a bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._recent = RecentHints()

    def tell(self, subject_id: UUID) -> None:
        """Say, on every node, this one first, that what is known of it may be wrong now; after the commit."""
        self._recent.add(_SUBJECT, subject_id.bytes, self._bus.is_whole)
        self._bus.publish(_SUBJECT, subject_id.bytes)

    def join(self, forget: Callable[[UUID], None], forget_all: Callable[[], None]) -> Stop:
        """Call `forget` with each, and `forget_all` when some may have been missed.

        Call what is returned to stop.
        """

        def make_good() -> None:
            forget_all()
            for subject, message in self._recent.again():
                self._bus.publish(subject, message)

        stops = [
            self._bus.subscribe(_SUBJECT, lambda it: forget(UUID(bytes=it))),
            self._bus.when_back(make_good),
        ]

        def stop() -> None:
            for it in stops:
                it()

        return stop
