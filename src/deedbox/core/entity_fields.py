"""The fields of things that questions may show and sort by: name, type, label, owner, contact data."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.assets import AssetInfo
from deedbox.core.contacts import contact_of
from deedbox.core.customers import Customer
from deedbox.core.devices import DeviceInfo
from deedbox.core.entity_queries import Known
from deedbox.core.permissions import Principal, Resource
from deedbox.core.storage import Stores
from deedbox.core.tenants import Tenant
from deedbox.core.values import Value

Fields = dict[str, Known]


async def fields_of(
    stores: Stores, principal: Principal, kind: Resource, ids: Sequence[UUID]
) -> dict[UUID, Fields]:
    """Return the fields of those things that there are; the moment of each field is now."""
    now_ms = await stores.customers.now_ms()
    found: dict[UUID, dict[str, Value]] = {}
    if kind in (Resource.DEVICE, Resource.ASSET):
        tenant = await stores.tenants.tenant(principal.tenant_id)
        things: Sequence[DeviceInfo | AssetInfo]
        if kind is Resource.DEVICE:
            things = await stores.devices.devices(principal.tenant_id, ids)
        else:
            things = await stores.assets.assets(principal.tenant_id, ids)
        found = {it.id: _labelled(it, kind, tenant.title if tenant else "") for it in things}
    elif kind is Resource.CUSTOMER:
        found = {it.id: _contact(it) for it in await stores.customers.customers_of(principal.tenant_id, ids)}
    elif kind is Resource.TENANT:
        found = {it.id: _contact(it) for it in await stores.tenants.tenants(ids)}
    return {
        entity_id: {name: Known(now_ms, value) for name, value in fields.items()}
        for entity_id, fields in found.items()
    }


def _labelled(it: DeviceInfo | AssetInfo, kind: Resource, tenant_title: str) -> dict[str, Value]:
    label = it.label or ""
    return {
        "createdTime": it.created_at,
        "entityType": kind.value,
        "name": it.name,
        "title": it.name,
        "type": it.type,
        "label": label,
        "displayName": label.strip() or it.name,
        "additionalInfo": it.additional_info,
        "ownerName": (it.customer_title or "") if it.customer_id else tenant_title,
        "ownerType": (Resource.CUSTOMER if it.customer_id else Resource.TENANT).value,
    }


def _contact(it: Customer | Tenant) -> dict[str, Value]:
    contact = contact_of(it.contact)
    told = {name: getattr(contact, name) or "" for name in contact.__struct_fields__}
    titles = dict.fromkeys(("name", "title", "label", "displayName"), it.title)
    kind = Resource.TENANT if isinstance(it, Tenant) else Resource.CUSTOMER
    known: dict[str, Value] = {"createdTime": it.created_at, "entityType": kind.value}
    return known | told | titles | {"additionalInfo": it.additional_info}
