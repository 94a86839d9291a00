"""A session and what is pushed to it, as one thing to keep."""

from deedbox.transports.mqtt.pushing import Pushing
from deedbox.transports.mqtt.session import Session


class DeviceSession:
    """What is kept of a device's client between its connections."""

    __slots__ = ("pushing", "session")

    def __init__(self, session: Session, pushing: Pushing) -> None:
        self.session = session
        self.pushing = pushing

    def end(self) -> None:
        """Push nothing any more and give up what was not delivered."""
        self.pushing.stop()
        self.session.end()
