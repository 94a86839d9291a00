"""What nodes say to each other about commands, and the subjects under which they say it."""

from uuid import UUID

import msgspec

from deedbox.core.rpc import Delivery

#: Where a node says that it missed what others said: whoever waits for devices offers again.
BACK_SUBJECT = "deedbox.rpc.back"
#: What a node offers that is not its own: commands that lie in the database.
STORED = b""


class Asks(msgspec.Struct, frozen=True, tag="ask"):
    """The device asks for commands."""


class Delivered(msgspec.Struct, frozen=True, tag="delivered"):
    """The device has the command."""

    id: int


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The device did not get the command; it may be offered again."""

    id: int


class Outdated(msgspec.Struct, frozen=True, tag="outdated"):
    """The command is of another epoch than the device is in."""

    id: int


class Replies(msgspec.Struct, frozen=True, tag="reply"):
    """The device replied."""

    id: int
    reply: bytes


class Cancels(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody may wait for this device any more."""


Message = Asks | Delivered | Failed | Outdated | Replies | Cancels

encode = msgspec.msgpack.encode
decode_message = msgspec.msgpack.Decoder(Message).decode
decode_delivery = msgspec.msgpack.Decoder(Delivery).decode


def take_subject(node: str) -> str:
    """Return where a node gives commands away: a device's id is the request, a delivery or b"" the answer."""
    return f"deedbox.rpc.take.{node}"


def offer_subject(device_id: UUID) -> str:
    """Return where commands to a device are offered: by a node's name, or as STORED."""
    return f"deedbox.rpc.ready.{device_id.hex}"


def caller_subject(device_id: UUID) -> str:
    """Return where those listen who wait for the ends of commands to this device."""
    return f"deedbox.rpc.caller.{device_id.hex}"
