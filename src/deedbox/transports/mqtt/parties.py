"""What a connection needs of those around it: a way back to the client, a meaning, somebody who decides."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from deedbox.transports.mqtt.packets import Connect, Will
from deedbox.transports.mqtt.properties import EMPTY, Properties

if TYPE_CHECKING:
    from deedbox.transports.mqtt.connection import Connection


class Link(Protocol):
    """The way back to the client."""

    def source_address(self) -> str:
        """Return where the client comes from, empty when that is not known."""
        ...

    def certificates(self) -> Sequence[bytes]:
        """Return the certificates that the client has shown, in DER form; it has the key of the first one."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...

    def close(self) -> None:
        """Close the connection once all is sent."""
        ...

    def pause_reading(self) -> None:
        """Let the client wait."""
        ...

    def resume_reading(self) -> None:
        """Go on."""
        ...


class Application(Protocol):
    """What a client's messages mean. One per connection that was accepted."""

    def receive(self, topic: str, payload: bytes, token: int, properties: Properties = EMPTY) -> None:
        """Take a message; `token` goes to `Connection.acknowledge` or `Connection.refuse` once."""
        ...

    def may_subscribe(self, topic_filter: str) -> bool:
        """Tell whether the client may subscribe to this."""
        ...

    def subscribed(self, topic_filter: str) -> None:
        """Hear that the client has subscribed, perhaps once more."""
        ...

    def unsubscribed(self, topic_filter: str) -> None:
        """Hear that the client has unsubscribed."""
        ...


class Host(Protocol):
    """Who decides about connections, and what they share."""

    def open(self, connection: "Connection", connect: Connect) -> None:
        """Decide about a CONNECT: now or later call `accept` or `reject`."""
        ...

    def closed(self, connection: "Connection", will: Will | None) -> None:
        """Hear that the connection is over; `will` is to be published if there is one."""
        ...

    def wants_flush(self, connection: "Connection") -> None:
        """Call `flush` of the connection when the present moment's work is done."""
        ...

    def note_refusal(self, what: str, reason: int) -> None:
        """Note that a "connect" or a "message" was refused, or a "connection" ended, and why."""
        ...

    @property
    def most_inflight(self) -> int:
        """How many messages of one client may wait for their acknowledgement."""
        ...

    @property
    def longest_expiry_s(self) -> int:
        """For how long a session is kept at most after its connection."""
        ...
