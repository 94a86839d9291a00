"""What nodes tell each other: short messages under subjects, to whoever is interested at that moment.

The database stays the truth: a message that is lost costs a delay, never a claim, and nothing is kept.
"""

from collections.abc import Callable
from typing import Protocol

#: Longer messages stay on their node: tell in a short one that there is something to look at.
LARGEST_MESSAGE_BYTES = 512 * 1024
REQUEST_TIMEOUT_S = 5.0

Receive = Callable[[bytes], None]
Respond = Callable[[bytes], bytes]
Stop = Callable[[], None]


class Bus(Protocol):
    """Subjects are dotted names. Receivers run on the event loop and must not wait for anything.

    Nothing here waits for other nodes but `request`, and nothing raises because they are out of reach.
    """

    @property
    def is_whole(self) -> bool:
        """Tell whether other nodes can be reached; a server that runs alone misses nobody."""
        ...

    def when_back(self, act: Callable[[], None]) -> Stop:
        """Call `act` each time other nodes are in reach again: what they said meanwhile is lost."""
        ...

    def publish(self, subject: str, message: bytes = b"") -> None:
        """Send the message to everybody who listens to the subject now."""
        ...

    def subscribe(self, subject: str, receive: Receive) -> Stop:
        """Call `receive` with each message; call what is returned to stop, more than once if need be."""
        ...

    def respond(self, subject: str, respond: Respond) -> Stop:
        """Answer requests to a subject of one's own; call what is returned to stop.

        Raises ValueError when somebody on this node does already.
        """
        ...

    async def request(
        self, subject: str, message: bytes = b"", timeout_s: float = REQUEST_TIMEOUT_S
    ) -> bytes | None:
        """Return the answer of whoever responds to the subject, None when nobody does in that time."""
        ...
