"""Which keys many things have: names of time series and attributes, each with its newest value."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.attributes import Scope
from deedbox.core.devices import DeviceFilter
from deedbox.core.entity_data import permitted_of, readable
from deedbox.core.entity_queries import Known
from deedbox.core.paging import PageRequest, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores

#: Keys are collected from so many things at most.
LOOKED_AT = 100


class Keys(msgspec.Struct, frozen=True):
    """Keys by name, with the newest value that any of the things has."""

    series: dict[str, Known]
    attributes: dict[Scope, dict[str, Known]]


async def keys_of(
    stores: Stores,
    principal: Principal,
    kind: Resource,
    ids: Sequence[UUID],
    scopes: Sequence[Scope],
    *,
    with_series: bool = True,
) -> Keys:
    """Return the keys that the principal may read: of attributes in `scopes`, and of time series."""
    found = Keys({}, {scope: {} for scope in scopes})
    seen = await readable(stores, principal, kind, ids[:LOOKED_AT])
    holders = {it: thing.holder for it, thing in seen.items()}
    telemetry = await permitted_of(stores, principal, Operation.READ_TELEMETRY, holders)
    attributes = await permitted_of(stores, principal, Operation.READ_ATTRIBUTES, holders)
    for entity_id, it in seen.items():
        if with_series and entity_id in telemetry:
            for point in await stores.time_series.latest_points(entity_id, it.extent):
                _note(found.series, point.key, Known(point.ts, point.value))
        if scopes and entity_id in attributes:
            for attribute in await stores.attributes.attributes_of(entity_id, scopes, it.extent):
                known = Known(attribute.updated_at, attribute.value)
                _note(found.attributes[attribute.scope], attribute.name, known)
    return found


async def sample_of_profile(stores: Stores, principal: Principal, profile_id: UUID | None) -> list[UUID]:
    """Return the newest devices of a profile, or of all. Raises NotPermitted for all but the tenant."""
    check(principal, Operation.READ, Target(Resource.DEVICE, principal.tenant_id))
    asked = PageSlice(PageRequest(size=LOOKED_AT, descending=True))
    wanted = DeviceFilter(principal.tenant_id, profile_id=profile_id)
    return [it.id for it in (await stores.devices.list_devices(wanted, asked)).items]


def _note(keys: dict[str, Known], name: str, known: Known) -> None:
    if name not in keys or known.ts > keys[name].ts:
        keys[name] = known
