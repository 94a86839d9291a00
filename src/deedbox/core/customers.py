"""Customers: who may own devices. A customer may have sub-customers; the one for the public has no people."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.errors import InvalidValue, NameTaken, NotFound, VersionConflict
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import required_name

PUBLIC_TITLE = "Public"
#: Nobody has that many levels; a longer chain of parents is a mistake.
_DEEPEST = 64


class Customer(msgspec.Struct, frozen=True):
    """A customer. `contact` and `additional_info` are JSON texts; `created_at` is epoch milliseconds."""

    id: UUID
    tenant_id: UUID
    title: str
    created_at: int
    parent_customer_id: UUID | None = None
    is_public: bool = False
    contact: str = "{}"
    additional_info: str = "null"
    version: int = 1


class CustomerStore(RecordStore, Protocol):
    """Rows of customers, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def customer(self, tenant_id: UUID, customer_id: UUID) -> Customer | None:
        """Return the customer, None when the tenant has none of that id."""
        ...

    async def customers_of(self, tenant_id: UUID, customer_ids: Collection[UUID]) -> list[Customer]:
        """Return those of the customers that the tenant has."""
        ...

    async def customer_titled(self, tenant_id: UUID, title: str) -> Customer | None:
        """Return the customer of that exact title."""
        ...

    async def public_customer(self, tenant_id: UUID) -> Customer | None:
        """Return the customer that stands for everybody."""
        ...

    async def page_of_customers(self, tenant_id: UUID, asked: PageSlice) -> Listing[Customer]:
        """Return a page of the tenant's customers."""
        ...

    async def page_of_sub_customers(
        self, tenant_id: UUID, customer_id: UUID, asked: PageSlice
    ) -> Listing[Customer]:
        """Return a page of the customers right below a customer."""
        ...

    async def add(self, customer: Customer) -> None:
        """Store a new customer. Raises NameTaken."""
        ...

    async def change(self, customer: Customer) -> None:
        """Store title, contact and additional info of a customer. Raises NameTaken."""
        ...


async def customer_of(store: CustomerStore, tenant_id: UUID, customer_id: UUID) -> Customer:
    """Return the tenant's customer of that id. Raises NotFound."""
    customer = await store.customer(tenant_id, customer_id)
    if customer is None:
        raise NotFound(f"Customer with id [{customer_id}] is not found")
    return customer


async def sub_customer(
    store: CustomerStore, tenant_id: UUID, parent_id: UUID, child_id: UUID
) -> Customer | None:
    """Return a customer that stands below `parent_id`, None when it does not."""
    if not await is_sub_customer(store, tenant_id, parent_id, child_id):
        return None
    return await store.customer(tenant_id, child_id)


async def is_sub_customer(store: CustomerStore, tenant_id: UUID, parent_id: UUID, child_id: UUID) -> bool:
    """Tell whether `child_id` stands below `parent_id`, on whatever level; nobody stands below itself."""
    above = child_id
    for _ in range(_DEEPEST):
        customer = await store.customer(tenant_id, above)
        if customer is None or customer.parent_customer_id is None:
            return False
        above = customer.parent_customer_id
        if above == parent_id:
            return True
    return False


async def create(store: CustomerStore, actor: Actor, wanted: Customer) -> Customer:
    """Store a new customer with an id, tenant and time of its own.

    Raises InvalidValue, NameTaken; NotFound when its parent is not a customer of the tenant.
    """
    await _check_title(store, actor.tenant_id, wanted.title)
    if wanted.parent_customer_id is not None:
        await customer_of(store, actor.tenant_id, wanted.parent_customer_id)
    customer = msgspec.structs.replace(
        wanted,
        id=store.new_id(),
        tenant_id=actor.tenant_id,
        created_at=await store.now_ms(),
        is_public=False,
        version=1,
    )
    await store.add(customer)
    await record(store, actor, customer, "ADDED")
    return customer


async def change(store: CustomerStore, actor: Actor, wanted: Customer, known_version: int | None) -> Customer:
    """Replace title, contact and additional info. `known_version` is what the client read, None to overwrite.

    Raises NotFound, InvalidValue, NameTaken; VersionConflict when somebody else changed it since.
    """
    stored = await customer_of(store, actor.tenant_id, wanted.id)
    if known_version not in (None, stored.version):
        raise VersionConflict
    if wanted.parent_customer_id not in (None, stored.parent_customer_id):
        raise InvalidValue(
            "A customer's parentCustomerId is set when the customer is created and can't be changed.",
            "/parentCustomerId",
        )
    if stored.is_public and wanted.title != stored.title:
        raise InvalidValue("The title of the public customer can't be changed.", "/title")
    if wanted.title != stored.title:
        await _check_title(store, actor.tenant_id, wanted.title)
    customer = msgspec.structs.replace(
        stored,
        title=wanted.title,
        contact=wanted.contact,
        additional_info=wanted.additional_info,
        version=stored.version + 1,
    )
    await store.change(customer)
    await record(store, actor, customer, "UPDATED")
    return customer


async def ensure_public_customer(store: CustomerStore, actor: Actor) -> Customer:
    """Return the tenant's customer that stands for everybody; make it when there is none."""
    found = await store.public_customer(actor.tenant_id)
    if found is not None:
        return found
    customer = Customer(
        id=store.new_id(),
        tenant_id=actor.tenant_id,
        title=await _free_title(store, actor.tenant_id, PUBLIC_TITLE),
        created_at=await store.now_ms(),
        is_public=True,
    )
    await store.add(customer)
    await record(store, actor, customer, "ADDED")
    return customer


def title_taken() -> NameTaken:
    """Return the refusal of a second customer with the same title."""
    return NameTaken("Customer with such title already exists!", "/title")


async def _check_title(store: CustomerStore, tenant_id: UUID, title: str) -> None:
    required_name(title, "Customer", "title")
    if await store.customer_titled(tenant_id, title) is not None:
        raise title_taken()


async def _free_title(store: CustomerStore, tenant_id: UUID, title: str) -> str:
    """Return the title, with a number behind it when a customer of the tenant has it already."""
    free, number = title, 1
    while await store.customer_titled(tenant_id, free) is not None:
        number += 1
        free = f"{title} {number}"
    return free


async def record(store: CustomerStore, actor: Actor, customer: Customer, action: str) -> None:
    """Write an audit entry about a customer."""
    subject = Subject("CUSTOMER", customer.id, customer.title)
    data = {"entityId": customer.id, "title": customer.title}
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=data)
    # As the reference server: entries about a customer belong to that customer.
    await store.add_audit_entries([msgspec.structs.replace(entry, customer_id=customer.id)])
