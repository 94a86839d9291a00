"""Assets and their profiles as JSON."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.api.shapes.devices import IdShape, referred_id
from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.asset_profiles import AssetProfile
from deedbox.core.assets import Asset, AssetDraft, AssetInfo


class AssetShape(Wire):
    """An asset as clients of the reference server know it; `customerId` is whom it is assigned to."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    customer_id: EntityId
    owner_id: EntityId
    name: str
    type: str
    label: str | None
    asset_profile_id: EntityId
    version: int
    additional_info: Any
    external_id: UUID | None = None


class AssetInfoShape(AssetShape, kw_only=True):
    """An asset with what lists show beside it."""

    customer_title: str | None
    customer_is_public: bool
    owner_name: str | None
    asset_profile_name: str
    groups: list[EntityId] = msgspec.field(default_factory=list)


class AssetSaveShape(Wire):
    """An asset to be made (without `id`) or changed; absent fields stay as they are.

    `customerId` counts for a new asset only, which is assigned to that customer then.
    """

    id: IdShape | None = None
    tenant_id: IdShape | None = None
    customer_id: IdShape | None = None
    name: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    label: str | UnsetType | None = UNSET
    asset_profile_id: IdShape | UnsetType | None = UNSET
    additional_info: Any | UnsetType = UNSET
    version: int | None = None


class AssetProfileInfoShape(Wire):
    """What lists show of an asset profile."""

    id: EntityId
    name: str
    tenant_id: EntityId
    image: str | None = None
    default_dashboard_id: EntityId | None = None


class AssetProfileShape(AssetProfileInfoShape, kw_only=True):
    """An asset profile. Deedbox keeps its name only; what else clients know of one is empty."""

    created_time: int
    default: bool
    description: str | None = None
    default_rule_chain_id: EntityId | None = None
    default_queue_name: str | None = None
    default_edge_rule_chain_id: EntityId | None = None
    external_id: UUID | None = None
    version: int = 1


class AssetProfileSaveShape(Wire):
    """An asset profile to be made (without `id`) or renamed."""

    id: IdShape | None = None
    name: str | None = None


def asset_shape(it: Asset) -> AssetShape:
    """Return the wire form of an asset."""
    return AssetShape(**_fields(it))


def asset_info_shape(it: AssetInfo) -> AssetInfoShape:
    """Return the wire form of an asset with what lists show beside it."""
    return AssetInfoShape(
        **_fields(it),
        customer_title=it.customer_title,
        customer_is_public=it.customer_is_public,
        owner_name=it.customer_title,
        asset_profile_name=it.type,
    )


def asset_draft(it: AssetSaveShape) -> AssetDraft:
    """Return what the body wants. A profile or type that is null or empty leaves it as it is."""
    profile_id = referred_id(it.asset_profile_id)
    return AssetDraft(
        name=it.name,
        type=it.type or UNSET,
        label=it.label,
        profile_id=UNSET if profile_id is None else profile_id,
        additional_info=it.additional_info,
        version=it.version,
    )


def asset_profile_info_shape(it: AssetProfile) -> AssetProfileInfoShape:
    """Return what lists show of a profile."""
    return AssetProfileInfoShape(**_profile_fields(it))


def asset_profile_shape(it: AssetProfile) -> AssetProfileShape:
    """Return the wire form of a profile."""
    return AssetProfileShape(**_profile_fields(it), created_time=it.created_at, default=it.is_default)


def _profile_fields(it: AssetProfile) -> dict[str, Any]:
    return {
        "id": reference("ASSET_PROFILE", it.id),
        "name": it.name,
        "tenant_id": reference("TENANT", it.tenant_id),
    }


def _fields(it: Asset) -> dict[str, Any]:
    customer_id = reference("CUSTOMER", it.customer_id)
    return {
        "id": reference("ASSET", it.id),
        "created_time": it.created_at,
        "tenant_id": reference("TENANT", it.tenant_id),
        "customer_id": customer_id,
        "owner_id": customer_id if it.customer_id else reference("TENANT", it.tenant_id),
        "name": it.name,
        "type": it.type,
        "label": it.label,
        "asset_profile_id": reference("ASSET_PROFILE", it.profile_id),
        "version": it.version,
        "additional_info": json_value(it.additional_info),
    }
