"""What nodes tell each other: short messages under subjects, to whoever is interested at that moment.

The database stays the truth: a message that is lost costs a delay, never a claim, and nothing is kept.
"""

from collections.abc import Callable
from typing import Protocol

Receive = Callable[[bytes], None]
Respond = Callable[[bytes], bytes]
Stop = Callable[[], None]


class Bus(Protocol):
    """Subjects are dotted names. Receivers run on the event loop and must not wait for anything."""

    def publish(self, subject: str, message: bytes = b"") -> None:
        """Send the message to everybody who listens to the subject now."""
        ...

    def subscribe(self, subject: str, receive: Receive) -> Stop:
        """Call `receive` with each message; call what is returned to stop."""
        ...

    def respond(self, subject: str, respond: Respond) -> Stop:
        """Answer requests to a subject of one's own; call what is returned to stop."""
        ...

    async def request(self, subject: str, message: bytes = b"") -> bytes | None:
        """Return the answer of whoever responds to the subject, None when nobody does."""
        ...
