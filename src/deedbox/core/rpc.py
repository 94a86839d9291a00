"""Commands to devices: what may be asked, how long it may take, and who carries it there and back.

Whoever sends a command waits for its end; `persistent_commands.py` has those that are stored instead. A
command carries the device's epoch, so that what an owner asked for is never delivered to the next one, nor
answered to the last one (behaviour §5).
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue
from deedbox.core.holders import HolderStore
from deedbox.core.permissions import Resource
from deedbox.core.values import MOST_LEVELS, is_deeper

SHORTEST_TIMEOUT_MS = 5_000
DEFAULT_TIMEOUT_MS = 10_000
LONGEST_TIMEOUT_MS = 600_000
LONGEST_METHOD = 255
LARGEST_PARAMS_BYTES = 65_536
FIRST_STORED_ID = 2**30
HIGHEST_ID = 2**31 - 1


class Command(msgspec.Struct, frozen=True):
    """What a device shall do. `params` is any JSON value; a one-way command expects no reply."""

    device_id: UUID
    epoch: int
    method: str
    params: Any
    one_way: bool


class Delivery(msgspec.Struct, frozen=True):
    """A command on its way: the device names `id` in its reply.

    Ids fit into a signed 32-bit integer, which is what firmware reads them into. Those of stored commands are
    FIRST_STORED_ID and above, the same at each attempt.
    """

    id: int
    command: Command
    #: What goes along to the device's node, for logs and traces.
    carried: dict[str, str] = {}
    #: How long it may still take, from when it was taken: nodes' clocks differ. None where nobody knows.
    lasts_ms: int | None = None


class End(Enum):
    """How a command ended."""

    DELIVERED = "delivered"
    REPLIED = "replied"
    NOT_REPLIED = "not replied"
    NOT_DELIVERED = "not delivered"
    CANCELLED = "cancelled"


class Outcome(msgspec.Struct, frozen=True):
    """The end of a command; `reply` is what the device sent, as it came."""

    end: End
    reply: bytes = b""


class Exchange(Protocol):
    """Carries commands to devices and replies back, from any node to any node.

    One way in for both kinds of commands: those whose caller waits (`call`) and those that are stored
    (`persistent_commands.py`). What a device is handed was sent in the epoch that it is in at that moment:
    commands of former owners are dropped here, and transports need not look.
    """

    async def call(self, command: Command, timeout_ms: int) -> Outcome:
        """Offer the command until the device takes it and, unless it is one-way, replies.

        Raises LimitReached when too many commands wait for the device already.
        """
        ...

    def wake(self, device_id: UUID) -> None:
        """Say that a stored command waits for this device; to be called after the commit that stored it."""
        ...

    async def next_command(self, device_id: UUID) -> Delivery:
        """Wait for a command to this device, and take it. Cancel the wait to give up.

        Whoever gets it hands it to the device and then calls `delivered`, or else `failed`.
        """
        ...

    def attach(self, device_id: UUID, deliver: Callable[[Delivery], None]) -> Callable[[], None]:
        """Push commands to a device that stays connected: each is taken, then `deliver` is called with it.

        What waits already comes first; `deliver` runs on the event loop, never within `attach` itself. For
        each delivery call `delivered` or `failed` once. A device may be attached several times; each command
        goes to one of them. Call what is returned when the device no longer listens: `deliver` is not called
        any more.
        """
        ...

    def delivered(self, device_id: UUID, command_id: int) -> None:
        """Note that the device has a command: it acknowledged it, or the transport knows no acknowledgements.

        A one-way command has reached its end with this. The next stored command may follow.
        """
        ...

    def failed(self, device_id: UUID, command_id: int) -> None:
        """Note that a command could not be sent, or that the device left before it acknowledged it.

        It is offered again, as often as it may be. Stop an attachment that ended first.
        """
        ...

    async def reply(self, device_id: UUID, command_id: int, reply: bytes) -> None:
        """Hand a device's reply (JSON, or nothing) on; return when it is stored, where it is to be stored.

        Replies that nobody waits for, and late ones, are dropped. Raises StorageUnavailable.
        """
        ...

    def cancel_device(self, device_id: UUID) -> None:
        """Drop all calls that wait for this device: its ownership changed or it was deleted."""
        ...


async def is_current(store: HolderStore, command: Command) -> bool:
    """Tell whether the device is still in the epoch that the command was sent in."""
    holder = await store.holder(Resource.DEVICE, command.device_id)
    return holder is not None and holder.epoch == command.epoch


def checked_method(method: Any) -> str:
    """Return the method. Raises InvalidValue for anything but a text of 1 to 255 characters."""
    if not isinstance(method, str) or not method:
        raise InvalidValue(
            "method is missing: name the command as a text, for example "
            '{"method": "setLight", "params": {"on": true}}.',
            "/method",
        )
    if len(method) > LONGEST_METHOD:
        raise InvalidValue(f"method has more than {LONGEST_METHOD} characters.", "/method")
    if "\0" in method:
        raise InvalidValue("method holds a NUL character, which can't be stored.", "/method")
    return method


def checked_params(params: Any, name: str = "params") -> Any:
    """Return the parameters. Raises InvalidValue when their JSON is longer than 64 KiB or too deep."""
    if is_deeper(params, MOST_LEVELS):
        raise InvalidValue(f"{name} must not have more than {MOST_LEVELS} levels of brackets.", f"/{name}")
    if len(msgspec.json.encode(params)) > LARGEST_PARAMS_BYTES:
        raise InvalidValue(f"{name} must not be longer than {LARGEST_PARAMS_BYTES} bytes.", f"/{name}")
    return params


def granted_timeout_ms(timeout_ms: int | None, expires_at: int | None, now_ms: int) -> int:
    """Return how long a command may take: what was asked for, within bounds; `expires_at` comes first."""
    if expires_at is not None:
        asked_ms = expires_at - now_ms
    else:
        asked_ms = DEFAULT_TIMEOUT_MS if timeout_ms is None else timeout_ms
    return min(max(asked_ms, SHORTEST_TIMEOUT_MS), LONGEST_TIMEOUT_MS)
