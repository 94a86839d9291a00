"""Tenant profiles as JSON: what clients keep in one comes back, with what of it counts beside."""

from typing import Any

import msgspec

from deedbox.api.shapes.devices import IdShape
from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.api.shapes.tenants import EntityInfoShape
from deedbox.core.device_limits import DeviceLimits, TenantLimits
from deedbox.core.ids import NULL_ID
from deedbox.core.limits_in_force import in_force
from deedbox.core.tenant_profiles import (
    PROFILE_NAMES,
    TenantProfile,
    checked_data,
    checked_description,
    profile_limits,
)


class TenantProfileShape(Wire):
    """A tenant profile. `profileData` is as it was sent; `inForce` is what counts for its tenants by it."""

    id: EntityId
    created_time: int
    name: str
    description: str | None
    isolated_tb_rule_engine: bool
    default: bool
    profile_data: dict[str, Any]
    in_force: dict[str, Any]


class TenantProfileSaveShape(Wire):
    """A profile to be made (without `id`) or changed; what is absent becomes empty."""

    id: IdShape | None = None
    name: str | None = None
    description: str | None = None
    profile_data: dict[str, Any] | None = None


def tenant_profile_shape(it: TenantProfile, deployment: DeviceLimits) -> TenantProfileShape:
    """Return the wire form of a profile; `deployment` counts where the profile leaves a limit to it."""
    limits = profile_limits(it.data)
    counting = msgspec.structs.asdict(in_force(TenantLimits(), limits, deployment))
    counting |= {"devices": limits.devices or 0, "gateway_devices": limits.gateway_devices or 0}
    return TenantProfileShape(
        id=reference("TENANT_PROFILE", it.id),
        created_time=it.created_at,
        name=it.name,
        description=it.description,
        isolated_tb_rule_engine=False,
        default=it.is_default,
        profile_data=json_value(it.data),
        in_force={there: counting[name] for name, there in PROFILE_NAMES.items()},
    )


def tenant_profile_info_shape(it: TenantProfile) -> EntityInfoShape:
    """Return id and name of a profile."""
    return EntityInfoShape(id=reference("TENANT_PROFILE", it.id), name=it.name)


def tenant_profile_draft(it: TenantProfileSaveShape) -> TenantProfile:
    """Return what the body wants. Raises InvalidValue."""
    return TenantProfile(
        id=it.id.id if it.id else NULL_ID,
        name=it.name or "",
        created_at=0,
        description=checked_description(it.description),
        data=checked_data(it.profile_data),
    )
