"""Attributes: what the tenant, the owner and the device say about a device, newest value only.

Rows are kept apart by who wrote them. The tenant's stay for ever; an owner's count while its deed is open,
and until the tenant writes the same key; a device's are seen by those owners in whose time it reported them.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.holders import Extent, HolderStore, device_extent
from deedbox.core.permissions import Resource
from deedbox.core.values import Value

#: A SERVER_SCOPE attribute only by name: it is a claim key and lives elsewhere (`claim_keys.py`).
CLAIMING_DATA = "claimingData"


class Scope(IntEnum):
    """Who writes, who reads: the server only; the server for the device; the device for the server."""

    SERVER_SCOPE = 0
    SHARED_SCOPE = 1
    CLIENT_SCOPE = 2


class Writer(IntEnum):
    """Who wrote a row."""

    TENANT = 0
    CUSTOMER = 1
    DEVICE = 2


class Attribute(msgspec.Struct, frozen=True):
    """One attribute as a reader sees it; `updated_at` epoch milliseconds."""

    scope: Scope
    name: str
    value: Value
    updated_at: int


class NewAttribute(msgspec.Struct, frozen=True):
    """One attribute to be written. `on_device`: only while that device exists, stamped with its epoch."""

    entity_id: UUID
    scope: Scope
    name: str
    writer: Writer
    value: Value
    updated_at: int
    on_device: bool = True


class Report(msgspec.Struct, frozen=True):
    """What a device reports about itself."""

    device_id: UUID
    values: Mapping[str, Value]


class AttributeStore(HolderStore, Protocol):
    """Rows of attributes, inside one transaction."""

    async def write_attributes(self, attributes: Sequence[NewAttribute]) -> None:
        """Write rows, each stamped with its device's epoch as it is at that very moment.

        No two of them agree in entity, scope, name and writer.
        """
        ...

    async def reported_names(self, device_ids: Collection[UUID]) -> Mapping[UUID, set[str]]:
        """Return the names of the attributes that each device reported in any epoch."""
        ...

    async def attributes_of(
        self, entity_id: UUID, scopes: Collection[Scope], extent: Extent
    ) -> list[Attribute]:
        """Return what counts within `extent`, one per scope and name, ordered by both."""
        ...

    async def drop_attributes(self, entity_id: UUID, scope: Scope, names: Collection[str]) -> None:
        """Delete these attributes, whoever wrote them in whatever epoch."""
        ...

    async def drop_owner_attributes(self, entity_id: UUID, scope: Scope, names: Collection[str]) -> None:
        """Delete what the current owner wrote under these names."""
        ...


async def report(reports: Sequence[Report], store: AttributeStore) -> list[None]:
    """Store what devices report as CLIENT_SCOPE; of two reports about one key the later counts."""
    now_ms = await store.now_ms()
    newest = {(it.device_id, name): value for it in reports for name, value in it.values.items()}
    await store.write_attributes(
        [
            NewAttribute(device_id, Scope.CLIENT_SCOPE, name, Writer.DEVICE, value, now_ms)
            for (device_id, name), value in newest.items()
        ]
    )
    return [None] * len(reports)


async def write(store: AttributeStore, attributes: Sequence[NewAttribute]) -> None:
    """Write attributes; the tenant's SHARED_SCOPE value takes the place of the current owner's."""
    await store.write_attributes(attributes)
    taken: dict[UUID, list[str]] = {}
    for it in attributes:
        if it.scope is Scope.SHARED_SCOPE and it.writer is Writer.TENANT:
            taken.setdefault(it.entity_id, []).append(it.name)
    for entity_id, names in taken.items():
        await store.drop_owner_attributes(entity_id, Scope.SHARED_SCOPE, names)


async def read_for_device(
    store: AttributeStore, device_id: UUID, scope: Scope, names: Collection[str] | None = None
) -> dict[str, Value]:
    """Return CLIENT_SCOPE or SHARED_SCOPE attributes for the device itself; all when `names` is None.

    Reads in one snapshot (`Storage.read`), so that ownership does not change in between. A device that is
    gone has none.
    """
    holder = await store.holder(Resource.DEVICE, device_id)
    if holder is None:
        return {}
    found = await store.attributes_of(device_id, [scope], device_extent(holder))
    return {it.name: it.value for it in found if names is None or it.name in names}
