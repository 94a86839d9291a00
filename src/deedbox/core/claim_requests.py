"""What a claimer asks, what it can be told, and what the claim needs from the database."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core import attempts
from deedbox.core.deeds import DeedStore
from deedbox.core.devices import Device
from deedbox.core.errors import InvalidValue
from deedbox.core.guess_alarms import GuessAlarm, GuessCountStore
from deedbox.core.ids import NULL_ID
from deedbox.core.ownership import ClaimPolicy, DeviceState
from deedbox.core.records import Actor


class ClaimRequest(msgspec.Struct, frozen=True):
    """A customer's wish to own a device. `actor` has a user and a customer, and may claim at all.

    `customer_id` is who shall own it: the actor's customer, or a sub-customer of it. Raises InvalidValue for
    a name that can't be looked for.
    """

    actor: Actor
    customer_id: UUID
    customer_title: str
    device_name: str
    secret_key: str = ""
    idempotency_digest: bytes | None = None

    def __post_init__(self) -> None:
        # Before it joins others in a batch, which it would spoil.
        if "\0" in self.device_name:
            raise InvalidValue("No device's name holds the character NUL. Check the name.", "/deviceName")

    def __repr__(self) -> str:
        return f"ClaimRequest({self.device_name!r} by {self.actor.user_id})"  # never the secret key

    @property
    def named(self) -> tuple[UUID, str]:
        """The device it means: tenant id and exact name."""
        return self.actor.tenant_id, self.device_name

    def budgets(self, policy: ClaimPolicy) -> tuple[attempts.Budget, attempts.Budget]:
        """Return what a wrong guess costs: an attempt of the user, and one of the user at this name."""
        user_id, window_ms = self.actor.user_id or NULL_ID, policy.attempts_window_s * 1000
        by_device = attempts.user_device_scope(user_id, *self.named)
        return (
            attempts.Budget(attempts.user_scope(user_id), policy.attempts_per_user, window_ms),
            attempts.Budget(by_device, policy.attempts_per_device, window_ms),
        )


class Answer(StrEnum):
    """The answers that a claimer can get."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CLAIMED = "CLAIMED"
    NOT_FOUND = "NOT_FOUND"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"


class ClaimOutcome(msgspec.Struct, frozen=True):
    """What became of a request; `device` on SUCCESS, `retry_after_ms` on TOO_MANY_ATTEMPTS.

    `why` is for the tenant's audit log and `alarms` for the log of the server, never for the caller.
    """

    answer: Answer
    why: str = ""
    device: Device | None = None
    retry_after_ms: int = 0
    alarms: tuple[GuessAlarm, ...] = ()


class ClaimStore(DeedStore, attempts.AttemptStore, GuessCountStore, Protocol):
    """What the claim needs, inside one transaction."""

    async def lock_named_devices(
        self, names: Sequence[tuple[UUID, str]]
    ) -> Mapping[tuple[UUID, str], DeviceState]:
        """Lock the devices of these (tenant id, exact name) in id order; unknown ones are left out."""
        ...
