"""What subscriptions are given, and what a socket asks of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from deedbox.api.context import ApiContext
from deedbox.api.live.outbox import Outbox
from deedbox.core.permissions import Principal
from deedbox.core.records import Actor


@dataclass(frozen=True)
class Listener:
    """Who listens on one socket.

    `lost` ends the subscription of that number, and tells the client why. `check_room` raises LimitReached
    where so many things more are too many for the socket.
    """

    context: ApiContext
    principal: Principal
    actor: Actor
    outbox: Outbox
    lost: Callable[[int, Exception], None]
    check_room: Callable[[int], None]


class Subscription(Protocol):
    """Something that a client hears of until it is stopped."""

    @property
    def weight(self) -> int:
        """How many things it follows."""
        ...

    @property
    def is_asking(self) -> bool:
        """Whether it has to be refreshed every few seconds: not all that it shows is told."""
        ...

    def stop(self) -> None:
        """Hear no more."""
        ...

    async def refresh(self) -> None:
        """Ask again for what nobody tells of; called every few seconds."""
        ...
