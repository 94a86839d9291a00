"""Making, changing, assigning and deleting assets; only tenants do (`permissions.py`)."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.core import customers
from deedbox.core.asset_profiles import AssetProfile, AssetProfileStore, default_profile, profile_for_type
from deedbox.core.assets import Asset, AssetDraft, AssetStore, name_taken
from deedbox.core.contacts import additional_info_text
from deedbox.core.customers import Customer, CustomerStore
from deedbox.core.errors import InvalidValue, VersionConflict
from deedbox.core.ids import IdSource
from deedbox.core.records import Actor, AuditEntry, Subject, audit_entry
from deedbox.core.texts import checked_text, required_name


class AssetMaking(msgspec.Struct, frozen=True):
    """What making and changing assets needs: stores of one transaction, and who does it."""

    assets: AssetStore
    profiles: AssetProfileStore
    customers: CustomerStore
    actor: Actor


async def create(making: AssetMaking, wanted: AssetDraft) -> Asset:
    """Store a new asset, which is nobody's. Raises InvalidValue, naming the field; NameTaken."""
    store, tenant_id = making.assets, making.actor.tenant_id
    profile = await _profile(making, wanted) or await default_profile(making.profiles, tenant_id)
    asset = Asset(
        id=store.new_id(),
        tenant_id=tenant_id,
        name=await _free_name(store, tenant_id, wanted.name),
        type=profile.name,
        label=_label(_given(wanted.label)),
        profile_id=profile.id,
        additional_info=_info(_given(wanted.additional_info)),
        created_at=await store.now_ms(),
        version=1,
    )
    await store.add(asset)
    await _record(making, asset, "ADDED", {"entity": _shown(asset)})
    return asset


async def change(making: AssetMaking, before: Asset, wanted: AssetDraft) -> Asset:
    """Change an asset. Raises VersionConflict, InvalidValue, NameTaken."""
    if wanted.version not in (None, before.version):
        raise VersionConflict
    after = await _changed(making, before, wanted)
    if after == before:
        return before
    after = msgspec.structs.replace(after, version=before.version + 1)
    await making.assets.change(after)
    old, new = _shown(before), _shown(after)
    changed = {key: value for key, value in new.items() if key == "id" or value != old[key]}
    await _record(making, after, "UPDATED", {"entity": changed})
    return after


async def assign(making: AssetMaking, asset: Asset, customer_id: UUID) -> Asset:
    """Give the asset to a customer; nothing changes if it has it already. Raises NotFound."""
    customer = await customers.customer_of(making.customers, asset.tenant_id, customer_id)
    if asset.customer_id == customer_id:
        return asset
    if asset.customer_id is not None:
        asset = await unassign(making, asset)
    await making.assets.assign(asset, customer_id)
    entry = await _assignment_entry(making, asset, "ASSIGNED_TO_CUSTOMER", customer)
    await making.assets.add_audit_entries([entry])
    return msgspec.structs.replace(asset, customer_id=customer_id)


async def unassign(making: AssetMaking, asset: Asset) -> Asset:
    """Take the asset back. Raises InvalidValue when nobody has it."""
    if asset.customer_id is None:
        raise InvalidValue("Asset isn't assigned to any customer!")
    customer = await customers.customer_of(making.customers, asset.tenant_id, asset.customer_id)
    await making.assets.assign(asset, None)
    entry = await _assignment_entry(making, asset, "UNASSIGNED_FROM_CUSTOMER", customer)
    await making.assets.add_audit_entries([entry])
    return msgspec.structs.replace(asset, customer_id=None)


async def delete(making: AssetMaking, asset: Asset) -> None:
    """Delete an asset with its relations and all that was stored about it."""
    await making.assets.remove(asset)
    await _record(making, asset, "DELETED", {"entityId": asset.id})


def unassigned_entry(
    ids: IdSource, actor: Actor, asset: Asset, customer: Customer, now_ms: int
) -> AuditEntry:
    """Return the audit entry of an asset that was taken from a customer."""
    return _entry(ids, actor, asset, "UNASSIGNED_FROM_CUSTOMER", customer, now_ms)


async def _assignment_entry(making: AssetMaking, asset: Asset, action: str, customer: Customer) -> AuditEntry:
    now_ms = await making.assets.now_ms()
    return _entry(making.assets, making.actor, asset, action, customer, now_ms)


def _entry(
    ids: IdSource, actor: Actor, asset: Asset, action: str, customer: Customer, now_ms: int
) -> AuditEntry:
    said = "assigned" if action == "ASSIGNED_TO_CUSTOMER" else "unassigned"
    data = {
        "entityId": asset.id,
        f"{said}CustomerId": customer.id,
        f"{said}CustomerName": customer.title,
    }
    entry = audit_entry(ids, actor, _subject(asset), action, now_ms=now_ms, data=data)
    # As with devices: what happened between the tenant and a customer belongs to that customer's entries.
    return msgspec.structs.replace(entry, customer_id=customer.id)


async def _changed(making: AssetMaking, before: Asset, wanted: AssetDraft) -> Asset:
    changed: dict[str, Any] = {}
    if wanted.name is not UNSET and wanted.name != before.name:
        changed["name"] = await _free_name(making.assets, before.tenant_id, wanted.name)
    if wanted.label is not UNSET:
        changed["label"] = _label(wanted.label)
    if wanted.additional_info is not UNSET:
        changed["additional_info"] = _info(wanted.additional_info)
    profile = await _profile(making, wanted)
    if profile is not None:
        changed |= {"profile_id": profile.id, "type": profile.name}
    return msgspec.structs.replace(before, **changed)


async def _profile(making: AssetMaking, wanted: AssetDraft) -> AssetProfile | None:
    profile_id, type_name = _given(wanted.profile_id), _given(wanted.type)
    if profile_id is None:
        return await profile_for_type(making.profiles, making.actor, type_name) if type_name else None
    profile = await making.profiles.profile(making.actor.tenant_id, profile_id)
    if profile is None:
        raise InvalidValue("Asset is referencing non existing asset profile!", "/assetProfileId")
    return profile


async def _free_name(store: AssetStore, tenant_id: UUID, wanted: object) -> str:
    name = required_name(wanted if isinstance(wanted, str) else None, "Asset", "name")
    if await store.asset_ids_named(tenant_id, [name]):
        raise name_taken()
    return name


def _label(label: str | None) -> str | None:
    return None if label is None else checked_text(label, "label")


def _info(value: object) -> str:
    if value is not None and not isinstance(value, dict):
        raise InvalidValue(
            'additionalInfo must be a JSON object, as {"description": "..."}.', "/additionalInfo"
        )
    return additional_info_text(value or {})


def _given(value: Any) -> Any:
    return None if isinstance(value, UnsetType) else value


def _subject(asset: Asset) -> Subject:
    return Subject("ASSET", asset.id, asset.name)


def _shown(asset: Asset) -> dict[str, Any]:
    return {
        "id": asset.id,
        "name": asset.name,
        "type": asset.type,
        "label": asset.label,
        "additionalInfo": msgspec.Raw(asset.additional_info.encode()),
    }


async def _record(making: AssetMaking, asset: Asset, action: str, data: dict[str, Any]) -> None:
    now_ms = await making.assets.now_ms()
    entry = audit_entry(making.assets, making.actor, _subject(asset), action, now_ms=now_ms, data=data)
    await making.assets.add_audit_entries([entry])
