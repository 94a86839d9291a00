"""What counts for a tenant: its own limit, else its profile's, else the deployment's."""

from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.device_limits import DeviceLimits, TenantLimits, limits_set
from deedbox.core.rates import Kind, Whose
from deedbox.core.tenant_profiles import ProfileLimits


class LimitsInForce(DeviceLimits, frozen=True):
    """Everything that a tenant is held to while messages pass; numbers: 0 is no limit of its own.

    `payload_bytes` is for one message, `inflight` for the messages of a connection that wait for an answer.
    """

    payload_bytes: int = 0
    inflight: int = 0


class LimitsSource(Protocol):
    """Who knows what counts now, and hears of what was refused."""

    def limits_of(self, tenant_id: UUID) -> LimitsInForce:
        """Return what counts for a tenant: the same object until it is something else."""
        ...

    def note_refusal(self, tenant_id: UUID, whose: Whose, kind: Kind, subject: str) -> None:
        """Hear that something was refused to somebody of the tenant; `subject` is their id or address."""
        ...


def in_force(own: TenantLimits, profile: ProfileLimits, deployment: DeviceLimits) -> LimitsInForce:
    """Return what counts for a tenant."""
    fields = msgspec.structs.asdict(deployment)
    for limits in (profile, own):
        fields |= {name: it for name, it in limits_set(limits).items() if name in _FIELDS}
    return LimitsInForce(**fields)


_FIELDS = frozenset(LimitsInForce.__struct_fields__)
