"""Things of every kind by their reference: what they are called, and whether somebody may read them."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access.lookup import GroupLookup, all_with_groups, check_target
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.permissions import Operation, Principal, Target, may


class EntityKind(StrEnum):
    """Kinds of things that others may be related to; the names are on the wire."""

    DEVICE = "DEVICE"
    ASSET = "ASSET"
    CUSTOMER = "CUSTOMER"
    TENANT = "TENANT"
    USER = "USER"
    DEVICE_PROFILE = "DEVICE_PROFILE"
    ASSET_PROFILE = "ASSET_PROFILE"


class Reference(msgspec.Struct, frozen=True):
    """Names a thing."""

    kind: EntityKind
    id: UUID


class Entity(msgspec.Struct, frozen=True):
    """A thing that is there. `target` is what permissions are asked about; `epoch` is a device's, else 0."""

    reference: Reference
    name: str
    target: Target
    epoch: int = 0


class EntityStore(GroupLookup, Protocol):
    """Looks things up, inside one transaction."""

    async def entities(
        self, tenant_id: UUID, references: Collection[Reference]
    ) -> Mapping[Reference, Entity]:
        """Return those of the things that the tenant has; a tenant has itself."""
        ...


def kind_of(entity_type: str, field: str) -> EntityKind:
    """Return the kind that an `entityType` on the wire means. Raises InvalidValue, naming the field."""
    try:
        return EntityKind(entity_type.upper())
    except ValueError:
        known = ", ".join(EntityKind)
        message = f"{field} can't be '{entity_type[:64]}'. Expected: {known}."
        raise InvalidValue(message, f"/{field}") from None


async def readable(
    store: EntityStore, principal: Principal, references: Collection[Reference]
) -> dict[Reference, Entity]:
    """Return those of the things that the principal may read."""
    found = await store.entities(principal.tenant_id, references)
    targets = await all_with_groups(store, principal, Operation.READ, [it.target for it in found.values()])
    pairs = zip(found.values(), targets, strict=True)
    return {it.reference: it for it, target in pairs if may(principal, Operation.READ, target)}


async def readable_one(store: EntityStore, principal: Principal, reference: Reference) -> Entity:
    """Return a thing that the principal may read. Raises NotFound, NotPermitted."""
    found = (await store.entities(principal.tenant_id, [reference])).get(reference)
    if found is None:
        noun = reference.kind.replace("_", " ").capitalize()
        raise NotFound(f"{noun} with id [{reference.id}] is not found")
    await check_target(store, principal, Operation.READ, found.target)
    return found
