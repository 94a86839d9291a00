"""A device's ownership as it stands: its open deed, its windows, and the settings that decide about them."""

from enum import IntEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from deedbox.core.devices import Device


class WindowKind(IntEnum):
    """Who opened a window; each device has at most one of each kind."""

    ANNOUNCED = 0
    SET_BY_TENANT = 1
    LABEL_QR_KEY = 2
    LABEL_SHORT_CODE = 3


class Window(msgspec.Struct, frozen=True):
    """An offer. It is open while `now <= expires_at` and nobody has seen it expired (`lapsed`)."""

    kind: WindowKind
    digest: bytes
    expires_at: int
    lapsed: bool = False

    def is_open(self, now_ms: int) -> bool:
        """Tell whether the window is open at that moment; equal is still open."""
        return now_ms <= self.expires_at and not self.lapsed


class ClaimPolicy(msgspec.Struct, frozen=True):
    """The deployment's settings for claiming (behaviour §7); units are in the names."""

    allow_by_default: Annotated[
        bool, Meta(description="Devices may offer themselves; else only where `claimingAllowed` is true.")
    ] = True
    duration_ms: Annotated[
        int, Meta(ge=1, description="How long an offer stands when the device does not say.")
    ] = 86_400_000
    max_duration_ms: Annotated[
        int, Meta(ge=1, description="How long an offer stands at most, whatever the device says.")
    ] = 604_800_000
    answers: Annotated[
        Literal["detailed", "uniform"],
        Meta(
            description="`detailed`: a claim is told of unknown names and of owners; "
            "`uniform`: every refusal reads the same, except to the owner and to who holds the key."
        ),
    ] = "detailed"
    attempts_per_user: Annotated[
        int, Meta(ge=1, description="Wrong claims a user may make in the window.")
    ] = 20
    attempts_per_device: Annotated[
        int, Meta(ge=1, description="Wrong claims a user may make in the window for one device name.")
    ] = 5
    attempts_window_s: Annotated[
        int, Meta(ge=1, le=86_400, description="The sliding window in which wrong claims are counted.")
    ] = 300
    alarm_per_tenant: Annotated[
        int, Meta(ge=1, description="Wrong claims of a tenant's users in a window that raise an alarm.")
    ] = 100
    alarm_per_deployment: Annotated[
        int, Meta(ge=1, description="Wrong claims of everybody in a window that raise an alarm.")
    ] = 1000
    label_key_days: Annotated[int, Meta(ge=1, description="How long a generated label's keys work.")] = 1826


class OpenDeed(msgspec.Struct, frozen=True):
    """The deed that is open now. `burnt` are the digests of the keys that died when it was opened."""

    id: UUID
    customer_id: UUID
    customer_title: str
    opened_at: int
    burnt: tuple[bytes, ...] = ()
    idempotency_digest: bytes | None = None


class DeviceState(msgspec.Struct, frozen=True):
    """All that decides about a device's ownership, read in one transaction with its row locked.

    `allow_by_default` is the tenant's or the profile's override, None where neither says anything;
    `claiming_allowed` is the SERVER_SCOPE attribute, true only for a boolean true. `rotates_credentials`,
    `erases_values` and `renews_label` say what shall happen when the deed ends.
    """

    device: Device
    epoch: int
    blocked: bool
    allow_by_default: bool | None
    claiming_allowed: bool
    forbids_empty_keys: bool
    deed: OpenDeed | None
    windows: tuple[Window, ...]
    rotates_credentials: bool = False
    erases_values: bool = False
    renews_label: bool = False

    def announcing_allowed(self, policy: ClaimPolicy) -> bool:
        """Tell whether keys that the device announces count now (behaviour §2.5, §2.7)."""
        return self.allowed_by_default(policy) or self.claiming_allowed

    def allowed_by_default(self, policy: ClaimPolicy) -> bool:
        """Tell what `allowClaimingByDefault` means for this device: profile, else tenant, else deployment."""
        return policy.allow_by_default if self.allow_by_default is None else self.allow_by_default
