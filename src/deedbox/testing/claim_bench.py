"""What a claim store is examined with: a clock to set, prepared devices, and a look at what was kept."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec

from deedbox.core.claim_requests import ClaimStore
from deedbox.core.devices import Device
from deedbox.core.records import AuditEntry, Event, LedgerRow
from deedbox.core.windows import AnnounceStore

T = TypeVar("T")


class HeartStore(ClaimStore, AnnounceStore, Protocol):
    """All that announcing, claiming, assigning and reclaiming need inside one transaction."""


Work = Callable[[HeartStore], Coroutine[Any, Any, T]]


class KeptDeed(msgspec.Struct, frozen=True):
    """A deed as it is stored; `closed_epoch` and `closing_reason` are None while it is open."""

    id: UUID
    customer_id: UUID
    opened_epoch: int
    reads_from_epoch: int
    opened_at: int
    opening_reason: str
    closed_epoch: int | None = None
    closing_reason: str | None = None


class PreparedDevice(msgspec.Struct, frozen=True):
    """A device as its maker set it up. `allow_by_default` is the profile's override of the policy."""

    device: Device
    forbids_empty_keys: bool = False
    rotates_credentials: bool = False
    erases_values: bool = False
    renews_label: bool = False
    allow_by_default: bool | None = None


class ClaimBench(Protocol):
    """A storage on the examiner's bench. Whoever writes a store writes one of these and takes the exam."""

    #: The moment that all following transactions see, in epoch milliseconds; steps back as well.
    now_ms: int

    async def run(self, work: Work[T]) -> T:
        """Run `work` in a write transaction; when it raises, nothing of it is kept."""
        ...

    async def add_customer(self, tenant_id: UUID, customer_id: UUID, title: str) -> None:
        """Store a customer."""
        ...

    async def add_device(self, prepared: PreparedDevice) -> None:
        """Store a device with epoch 0, not blocked, without an owner; a second call changes its settings."""
        ...

    async def set_blocked(self, device_id: UUID, blocked: bool) -> None:
        """Block claiming of the device, or allow it again."""
        ...

    async def set_claiming_allowed(self, device_id: UUID, allowed: bool | None) -> None:
        """Write the attribute `claimingAllowed`, or delete it with None."""
        ...

    async def write_value(self, device_id: UUID, value: int) -> None:
        """Store a value with the epoch that the device has inside this very insert."""
        ...

    async def readable_values(self, device_id: UUID, customer_id: UUID) -> Sequence[int]:
        """Return the values that this customer may read now, none where it does not own the device."""
        ...

    async def claiming_allowed(self, device_id: UUID) -> bool | None:
        """Return the attribute `claimingAllowed`, None when there is none."""
        ...

    async def deeds(self, device_id: UUID) -> Sequence[KeptDeed]:
        """Return all deeds of the device, oldest first."""
        ...

    async def owned_count(self, customer_id: UUID) -> int:
        """Return the kept total of the devices that the customer owns."""
        ...

    async def ledger(self, tenant_id: UUID, device_id: UUID) -> Sequence[LedgerRow]:
        """Return the device's ownership history, oldest first."""
        ...

    async def audit(self, tenant_id: UUID) -> Sequence[AuditEntry]:
        """Return the tenant's audit log, oldest first."""
        ...

    async def events(self, tenant_id: UUID) -> Sequence[Event]:
        """Return the tenant's outbox, oldest first."""
        ...
