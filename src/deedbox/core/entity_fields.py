"""The fields of things that questions may show and sort by: name, type, label, owner, contact data."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.contacts import contact_of
from deedbox.core.customers import Customer
from deedbox.core.devices import Device, DeviceInfo
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
    if kind is Resource.DEVICE:
        tenant = await stores.tenants.tenant(principal.tenant_id)
        devices = await stores.devices.devices(principal.tenant_id, ids)
        found = {it.id: _device(it, tenant.title if tenant else "") for it in devices}
    elif kind is Resource.CUSTOMER:
        found = {it.id: _contact(it) for it in await stores.customers.customers_of(principal.tenant_id, ids)}
    elif kind is Resource.TENANT:
        found = {it.id: _contact(it) for it in await stores.tenants.tenants(ids)}
    return {
        entity_id: {name: Known(now_ms, value) for name, value in fields.items()}
        for entity_id, fields in found.items()
    }


def owner_fields(device: Device, customer_title: str | None, tenant_title: str) -> dict[str, Value]:
    """Return who owns a device: its customer, else the tenant."""
    if device.customer_id is None:
        return {"ownerName": tenant_title, "ownerType": Resource.TENANT.value}
    return {"ownerName": customer_title or "", "ownerType": Resource.CUSTOMER.value}


def _device(it: DeviceInfo, tenant_title: str) -> dict[str, Value]:
    label = it.label or ""
    return {
        "createdTime": it.created_at,
        "entityType": Resource.DEVICE.value,
        "name": it.name,
        "title": it.name,
        "type": it.type,
        "label": label,
        "displayName": label.strip() or it.name,
        "additionalInfo": it.additional_info,
        **owner_fields(it, it.customer_title, tenant_title),
    }


def _contact(it: Customer | Tenant) -> dict[str, Value]:
    contact = contact_of(it.contact)
    told = {name: getattr(contact, name) or "" for name in contact.__struct_fields__}
    titles = dict.fromkeys(("name", "title", "label", "displayName"), it.title)
    kind = Resource.TENANT if isinstance(it, Tenant) else Resource.CUSTOMER
    known: dict[str, Value] = {"createdTime": it.created_at, "entityType": kind.value}
    return known | told | titles | {"additionalInfo": it.additional_info}
