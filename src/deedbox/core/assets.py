"""Assets: what is no device and has devices, as a building, a room, a machine. Devices relate to them.

Nobody claims an asset and there is no deed of it: the tenant assigns it to a customer or takes it back, and
whoever has it now reads all that was ever stored about it.
"""

from collections.abc import Collection, Mapping
from typing import Any, Protocol
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.core.access.lookup import GroupLookup, check_target
from deedbox.core.errors import NameTaken, NotFound
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, may_by_group
from deedbox.core.records import RecordStore


class Asset(msgspec.Struct, frozen=True):
    """An asset. `customer_id` is whom it is assigned to, None for nobody.

    `type` is its profile's name; `additional_info` is JSON text as the tenant wrote it; `created_at` epoch
    milliseconds.
    """

    id: UUID
    tenant_id: UUID
    name: str
    type: str
    label: str | None
    profile_id: UUID
    additional_info: str
    created_at: int
    version: int
    customer_id: UUID | None = None


class AssetInfo(Asset, frozen=True):
    """An asset with what lists show beside it."""

    customer_title: str | None = None
    customer_is_public: bool = False


class AssetDraft(msgspec.Struct, frozen=True):
    """What somebody wants an asset to be. UNSET leaves a field as it is; `version` is the one they saw.

    The profile is the one of `profile_id`, else the one named `type`, else the tenant's default.
    """

    name: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    label: str | UnsetType | None = UNSET
    profile_id: UUID | UnsetType | None = UNSET
    additional_info: Any | UnsetType = UNSET
    version: int | None = None


class AssetFilter(msgspec.Struct, frozen=True):
    """Which assets of a tenant a list shows: those of a customer, of a profile, in one of these groups."""

    tenant_id: UUID
    customer_id: UUID | None = None
    profile_id: UUID | None = None
    groups: tuple[UUID, ...] | None = None


class AssetStore(RecordStore, GroupLookup, Protocol):
    """Rows of assets, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def asset(self, tenant_id: UUID, asset_id: UUID) -> AssetInfo | None:
        """Return the asset, None when the tenant has none of that id."""
        ...

    async def assets(self, tenant_id: UUID, asset_ids: Collection[UUID]) -> list[AssetInfo]:
        """Return those of these assets that the tenant has, in id order."""
        ...

    async def asset_ids_named(self, tenant_id: UUID, names: Collection[str]) -> Mapping[str, UUID]:
        """Return the ids of the assets with these exact names."""
        ...

    async def list_assets(self, wanted: AssetFilter, asked: PageSlice) -> Listing[AssetInfo]:
        """Return a page. Raises InvalidValue for a sort property that this list does not have."""
        ...

    async def add(self, asset: Asset) -> None:
        """Store a new asset and count it. Raises NameTaken."""
        ...

    async def change(self, asset: Asset) -> None:
        """Store name, type, profile, label, additional info and version. Raises NameTaken."""
        ...

    async def assign(self, asset: Asset, customer_id: UUID | None) -> None:
        """Store whom the asset is assigned to, and count it there."""
        ...

    async def remove(self, asset: Asset) -> None:
        """Delete the asset and its relations; what was stored about it is forgotten in the background."""
        ...


def name_taken() -> NameTaken:
    """Return the refusal of a second asset with the same name."""
    return NameTaken("Asset with such name already exists!", "/name")


def not_found(asset_id: UUID) -> NotFound:
    """Return the refusal of an id that the tenant has no asset of."""
    return NotFound(f"Asset with id [{asset_id}] is not found")


def target(asset: Asset) -> Target:
    """Return the asset as permissions see it."""
    return Target(Resource.ASSET, asset.tenant_id, asset.customer_id, asset.id)


async def permitted_asset(
    store: AssetStore, principal: Principal, operation: Operation, asset_id: UUID
) -> AssetInfo:
    """Return an asset that the principal may do that to. Raises NotFound, NotPermitted."""
    # Whether an id is an asset at all is not for those to find out who may do that to none.
    if not may_by_group(principal, operation, Resource.ASSET):
        check(principal, operation, Target(Resource.ASSET, principal.tenant_id, principal.customer_id))
    asset = await store.asset(principal.tenant_id, asset_id)
    if asset is None:
        raise not_found(asset_id)
    await check_target(store, principal, operation, target(asset))
    return asset
