"""Customers as JSON."""

from typing import Any
from uuid import UUID

from deedbox.api.shapes.contacts import ContactShape, contact_fields, stored_contact
from deedbox.api.shapes.devices import IdShape, referred_id
from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference
from deedbox.core.contacts import additional_info_text
from deedbox.core.customers import Customer
from deedbox.core.ids import NULL_ID


class CustomerShape(ContactShape, kw_only=True):
    """A customer as clients of the reference server know it; `additionalInfo.isPublic` is ours to say."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    parent_customer_id: EntityId | None
    owner_id: EntityId
    title: str
    name: str
    version: int
    additional_info: Any
    external_id: UUID | None = None


class CustomerInfoShape(CustomerShape, kw_only=True):
    """A customer with the name of what it belongs to: its parent, else the tenant."""

    owner_name: str
    groups: tuple[EntityId, ...] = ()


class CustomerSaveShape(ContactShape, kw_only=True):
    """A customer to be made (without `id`) or changed; absent fields become empty."""

    id: IdShape | None = None
    parent_customer_id: IdShape | None = None
    title: str | None = None
    version: int | None = None
    additional_info: Any = None


class ShortCustomerShape(Wire):
    """What people see of a customer in passing."""

    customer_id: EntityId
    title: str
    is_public: bool
    public: bool


def customer_shape(it: Customer) -> CustomerShape:
    """Return the wire form of a customer."""
    return CustomerShape(**_fields(it))


def customer_info_shape(it: Customer, owner_name: str) -> CustomerInfoShape:
    """Return the wire form of a customer with its owner's title."""
    return CustomerInfoShape(**_fields(it), owner_name=owner_name)


def short_customer_shape(it: Customer) -> ShortCustomerShape:
    """Return title and kind of a customer."""
    return ShortCustomerShape(
        customer_id=reference("CUSTOMER", it.id),
        title=it.title,
        is_public=it.is_public,
        public=it.is_public,
    )


def customer_draft(it: CustomerSaveShape) -> Customer:
    """Return what the body wants. Raises InvalidValue."""
    return Customer(
        id=referred_id(it.id) or NULL_ID,
        tenant_id=NULL_ID,
        title=it.title or "",
        created_at=0,
        parent_customer_id=referred_id(it.parent_customer_id),
        contact=stored_contact(it),
        additional_info=additional_info_text(it.additional_info),
    )


def _fields(it: Customer) -> dict[str, Any]:
    parent_id = it.parent_customer_id
    return {
        "id": reference("CUSTOMER", it.id),
        "created_time": it.created_at,
        "tenant_id": reference("TENANT", it.tenant_id),
        "parent_customer_id": None if parent_id is None else reference("CUSTOMER", parent_id),
        "owner_id": reference("CUSTOMER", parent_id) if parent_id else reference("TENANT", it.tenant_id),
        "title": it.title,
        "name": it.title,
        "version": it.version,
        "additional_info": _additional_info(it),
    } | contact_fields(it.contact)


def _additional_info(it: Customer) -> Any:
    info = json_value(it.additional_info)
    told = (
        {key: value for key, value in info.items() if key != "isPublic"} if isinstance(info, dict) else info
    )
    return {**(told if isinstance(told, dict) else {}), "isPublic": True} if it.is_public else told
