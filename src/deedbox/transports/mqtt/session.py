"""A client's session: what is kept of it while it is away, and the rules it shares with its connection."""

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from deedbox.core.credentials import Login
from deedbox.transports.mqtt.outgoing import Outbound, Outgoing
from deedbox.transports.mqtt.packets import Publish
from deedbox.transports.payload_formats.manners import DEFAULT


class Connected(Protocol):
    """The connection that a session has at the moment. `heard_at_ms`: when its client said something last."""

    heard_at_ms: int

    def fail(self, reason: int, message: str) -> None:
        """End the connection."""
        ...

    def send(self, messages: list[Publish]) -> None:
        """Send messages to the client."""
        ...


class Session:
    """What belongs to one client id of one device. Kept after the connection for `expiry_s` seconds.

    Client ids of different devices have nothing to do with each other: nobody takes over a
    stranger's session.
    """

    __slots__ = (
        "_clock_ms",
        "_most_queued",
        "_outgoing",
        "client_id",
        "connection",
        "expires_at_ms",
        "expiry_s",
        "login",
        "manners",
        "outgoing_window",
        "received",
        "subscriptions",
    )

    def __init__(self, login: Login, client_id: str, most_queued: int, clock_ms: Callable[[], int]) -> None:
        #: What the device proved itself with when it came last.
        self.login = login
        self.client_id = client_id
        #: How the device speaks.
        self.manners = DEFAULT
        self.expiry_s = 0
        self.expires_at_ms = 0
        self.connection: Connected | None = None
        #: Filter -> the QoS that was granted; None while there is none, as most sessions are many.
        self.subscriptions: dict[str, int] | None = None
        #: Ids of messages with QoS 2 whose handshake is not over.
        self.received: set[int] | None = None
        #: How many messages with QoS 1 the client takes at a time.
        self.outgoing_window = 65_535
        self._most_queued = most_queued
        self._clock_ms = clock_ms
        self._outgoing: Outgoing | None = None

    @property
    def heard_at_ms(self) -> int:
        """When the client said something last, 0 while it is away."""
        return 0 if self.connection is None else self.connection.heard_at_ms

    @property
    def device_id(self) -> UUID:
        """Whose session it is."""
        return self.login.device_id

    @property
    def has_outgoing(self) -> bool:
        """Tell whether there was anything to send so far."""
        return self._outgoing is not None

    @property
    def outgoing(self) -> Outgoing:
        """What is to be sent to the client."""
        if self._outgoing is None:
            self._outgoing = Outgoing(self._most_queued, self._clock_ms)
        self._outgoing.window = self.outgoing_window
        return self._outgoing

    def send(self, message: Outbound) -> bool:
        """Send a message, now or when the client takes it; False when too many wait already."""
        if not self.outgoing.add(message):
            return False
        if self.connection is not None:
            self.connection.send(self.outgoing.take())
        return True

    def resume(self) -> list[Publish]:
        """Return what a client that has come back is to be sent."""
        if self._outgoing is None:
            return []
        self._outgoing.begin_again()
        return self.outgoing.take()

    def withdraw(self, device_id: UUID | None = None) -> None:
        """Give up commands, or those for one device behind it: their sender may have no say any more."""
        if self._outgoing is not None:
            self._outgoing.withdraw(device_id)

    def withdraw_behind(self) -> None:
        """Give up commands for devices behind the client."""
        if self._outgoing is not None:
            self._outgoing.withdraw_behind()

    def end(self) -> None:
        """Give up what was not delivered."""
        if self._outgoing is not None:
            self._outgoing.end()
