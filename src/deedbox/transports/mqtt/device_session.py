"""A session, what is pushed to it and the will of its client, as one thing to keep."""

from collections.abc import Callable

from deedbox.transports.mqtt.moving import MovedSession, packed, unpacked
from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.session import Session


class DeviceSession:
    """What is kept of a device's client between its connections.

    `publish_will` is there while the client is away and wished its will to wait, until `will_at_ms` at most.
    """

    __slots__ = ("publish_will", "pushing", "session", "will_at_ms")

    def __init__(self, session: Session, pushing: Pushing) -> None:
        self.session = session
        self.pushing = pushing
        self.publish_will: Callable[[], None] | None = None
        self.will_at_ms = 0

    def end(self) -> None:
        """Push nothing any more and give up what was not delivered; a will waits no longer than this."""
        self.end_will()
        self.pushing.stop()
        self.session.end()

    def move_out(self) -> bytes:
        """Return all that is kept, for another node, and keep nothing: what was to be sent has not ended."""
        self.publish_will = None
        session = self.session
        state = packed(
            MovedSession(
                session.expiry_s,
                session.subscriptions or {},
                list(session.received or ()),
                sorted(self.pushing.unsent),
                session.outgoing.move_out() if session.has_outgoing else [],
            )
        )
        self.pushing.stop()
        return state

    def settle_in(self, state: bytes) -> None:
        """Take what another node kept; changes are collected from now on. Raises msgspec.DecodeError."""
        moved = unpacked(state)
        self.session.expiry_s = moved.expiry_s
        self.session.subscriptions = moved.subscriptions or None
        self.session.received = set(moved.received) or None
        self.pushing.settle_in(moved)
        self.pushing.resumed()
        self.pushing.away()

    def begin_anew(self) -> None:
        """Hear that the device may have another owner: nothing of the last one's time goes either way."""
        self.publish_will = None
        self.session.withdraw()

    def end_will(self) -> None:
        """Publish the will that waits, if one does."""
        publish, self.publish_will = self.publish_will, None
        if publish:
            publish()
