"""Commands that are stored until their device takes them, replies, or their time is over.

A device is sent one at a time, in the order in which they were made; the next follows when the device has
acknowledged it. Each belongs to the epoch it was made in: when a deed opens or closes, the transaction that
does it ends them, and later owners never see them (behaviour §5.2, §5.3). States are the reference server's.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.command_limits import CommandLimits
from deedbox.core.errors import InvalidValue, LimitReached
from deedbox.core.ids import IdSource
from deedbox.core.rpc import (
    DEFAULT_TIMEOUT_MS,
    FIRST_STORED_ID,
    HIGHEST_ID,
    LONGEST_TIMEOUT_MS,
    SHORTEST_TIMEOUT_MS,
    Command,
    Delivery,
)

NOT_ACKNOWLEDGED = b'{"error":"The device did not acknowledge the command; no attempt is left."}'
OWNER_CHANGED = b'{"error":"The ownership of the device changed; the command was dropped."}'


class Status(StrEnum):
    """Where a command is; the names are on the wire.

    TIMEOUT waits for its next attempt. One-way commands end as DELIVERED, two-way ones as SUCCESSFUL.
    Nothing is kept of a command that was deleted: DELETED is never seen.
    """

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    SUCCESSFUL = "SUCCESSFUL"
    TIMEOUT = "TIMEOUT"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    DELETED = "DELETED"


class Wish(msgspec.Struct, frozen=True):
    """What somebody asks for; `expires_at` is epoch milliseconds. None leaves it to the limits."""

    method: str
    params: Any
    one_way: bool
    timeout_ms: int | None = None
    expires_at: int | None = None
    retries: int | None = None
    additional_info: Any = None


class PersistentCommand(msgspec.Struct, frozen=True):
    """A stored command; `params`, `additional_info` and `response` are JSON.

    `delivery_id` is what the device names in its reply. `reply_timeout_ms` is None where a reply that does
    not come is no reason for another attempt. `status` is EXPIRED from `expires_at` on if it has not ended.
    """

    id: UUID
    tenant_id: UUID
    device_id: UUID
    epoch: int
    delivery_id: int
    created_at: int
    expires_at: int
    method: str
    params: str
    one_way: bool
    additional_info: str
    retries: int | None
    attempts_left: int
    reply_timeout_ms: int | None
    status: Status
    response: str | None = None


class PersistentCommandStore(IdSource, Protocol):
    """Stored commands, inside one transaction."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...

    async def pending_ids(self, device_id: UUID) -> list[int]:
        """Return the delivery ids of the device's commands that have neither ended nor expired."""
        ...

    async def add_command(self, command: PersistentCommand) -> None:
        """Store a new command, in the epoch that the device is in."""
        ...

    async def is_waiting(self, device_id: UUID) -> bool:
        """Tell whether the device has a command that could be sent, or whose time for a step is over."""
        ...

    async def waiting_devices(self, device_ids: Sequence[UUID]) -> list[UUID]:
        """Return those of the devices of which `is_waiting` is true."""
        ...

    async def expire_commands(self, device_id: UUID) -> None:
        """End those of the device's commands that have expired."""
        ...

    async def time_out_commands(self, device_id: UUID, response: bytes) -> None:
        """Let those that are due wait for their next attempt; those without one fail with the response."""
        ...

    async def take_command(self, device_id: UUID, due_at: int) -> Delivery | None:
        """Mark the oldest command as sent, in one guarded statement; None when there is none to send.

        None also while another one is on its way. It is due for the next attempt at `due_at`.
        """
        ...

    async def note_delivered(self, device_id: UUID, delivery_id: int) -> None:
        """Note that the device has what was sent; a late acknowledgement saves the next attempt."""
        ...

    async def note_failed(self, device_id: UUID, delivery_id: int, *, returned_attempts: int) -> None:
        """Make what was sent due now, and give it back so many attempts."""
        ...

    async def note_reply(self, device_id: UUID, delivery_id: int, reply: bytes) -> bool:
        """Note the reply to what was sent; tell whether it was waited for."""
        ...

    async def overdue_devices(self, most: int) -> list[UUID]:
        """Return devices that have a command whose time for a step is over."""
        ...


async def add(
    store: PersistentCommandStore, tenant_id: UUID, device_id: UUID, wish: Wish, limits: CommandLimits
) -> UUID:
    """Store a command to a locked device of this tenant; return its id.

    Raises LimitReached when too many wait for the device, InvalidValue.
    """
    pending = await store.pending_ids(device_id)
    if len(pending) >= limits.most_pending:
        raise LimitReached(
            f"{len(pending)} commands are stored for this device already. "
            "Delete some, or wait until it has taken them."
        )
    now_ms = await store.now_ms()
    command = PersistentCommand(
        id=store.new_id(),
        tenant_id=tenant_id,
        device_id=device_id,
        epoch=0,
        delivery_id=_free_id(store, pending),
        created_at=now_ms,
        expires_at=expiry(wish, now_ms, limits),
        method=wish.method,
        params=msgspec.json.encode(wish.params).decode(),
        one_way=wish.one_way,
        additional_info=msgspec.json.encode(wish.additional_info).decode(),
        retries=wish.retries,
        attempts_left=1 + _retries(wish, limits),
        reply_timeout_ms=_reply_timeout_ms(wish),
        status=Status.QUEUED,
    )
    await store.add_command(command)
    return command.id


def expiry(wish: Wish, now_ms: int, limits: CommandLimits) -> int:
    """Return when the command expires: at its own moment, else after its timeout; within the limit."""
    asked = wish.expires_at
    if asked is None:
        asked = now_ms + _timeout_ms(wish)
    return max(0, min(asked, now_ms + limits.longest_wait_s * 1000))


async def take(store: PersistentCommandStore, device_id: UUID, limits: CommandLimits) -> Delivery | None:
    """Take the device's next command, to be sent now; None when there is none."""
    await settle(store, device_id)
    return await store.take_command(device_id, await store.now_ms() + limits.acknowledgement_s * 1000)


async def settle(store: PersistentCommandStore, device_id: UUID) -> None:
    """Let time take its course: commands expire, or wait for their next attempt."""
    await store.expire_commands(device_id)
    await store.time_out_commands(device_id, NOT_ACKNOWLEDGED)


async def deliver(store: PersistentCommandStore, device_id: UUID, delivery_id: int) -> None:
    """Note that the device has what was sent: a one-way command has reached its end."""
    await store.note_delivered(device_id, delivery_id)


async def fail(store: PersistentCommandStore, device_id: UUID, delivery_id: int) -> None:
    """Note that an attempt came to nothing."""
    await store.note_failed(device_id, delivery_id, returned_attempts=0)
    await settle(store, device_id)


async def give_back(store: PersistentCommandStore, device_id: UUID, delivery_id: int) -> None:
    """Undo the taking of a command that was not sent: it has not cost an attempt."""
    await store.note_failed(device_id, delivery_id, returned_attempts=1)
    await settle(store, device_id)


def delivery(device_id: UUID, row: tuple[int, int, str, str, bool, int], now_ms: int) -> Delivery:
    """Return what is sent, from (delivery id, epoch, method, params as JSON, one-way, expires at)."""
    delivery_id, epoch, method, params, one_way, expires_at = row
    command = Command(device_id, epoch, method, msgspec.json.decode(params), bool(one_way))
    return Delivery(delivery_id, command, lasts_ms=max(0, expires_at - now_ms))


def status_of(text: str | None) -> Status | None:
    """Return the status that a list asks for, None for all. Raises InvalidValue for an unknown one."""
    if not text:
        return None
    known = [it.value for it in Status if it is not Status.DELETED]
    if text.upper() not in known:
        raise InvalidValue(f"rpcStatus must be one of {', '.join(known)}.", "/rpcStatus")
    return Status(text.upper())


def _retries(wish: Wish, limits: CommandLimits) -> int:
    asked = limits.most_retries if wish.retries is None else wish.retries
    return min(max(asked, 0), limits.most_retries)


def _reply_timeout_ms(wish: Wish) -> int | None:
    """A command that the device has may do harm twice: it is repeated where somebody asks for it only."""
    if wish.one_way or not wish.retries:
        return None
    return min(_timeout_ms(wish), LONGEST_TIMEOUT_MS)


def _timeout_ms(wish: Wish) -> int:
    return max(SHORTEST_TIMEOUT_MS, DEFAULT_TIMEOUT_MS if wish.timeout_ms is None else wish.timeout_ms)


def _free_id(store: PersistentCommandStore, taken: list[int]) -> int:
    while True:
        number = int.from_bytes(store.random_bytes(4), "big") & (HIGHEST_ID - FIRST_STORED_ID)
        if FIRST_STORED_ID + number not in taken:
            return FIRST_STORED_ID + number
