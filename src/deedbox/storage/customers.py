"""Customers as rows."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.customers import Customer, title_taken
from deedbox.core.paging import Listing, PageSlice
from deedbox.storage.paging import listing
from deedbox.storage.records import RecordStore
from deedbox.storage.statements import UniqueViolation
from deedbox.storage.tallies import change_tally

_NOUN = "customer"


class CustomerStore(RecordStore):
    """Customers inside a transaction."""

    async def customer(self, tenant_id: UUID, customer_id: UUID) -> Customer | None:
        """Return the customer, None when the tenant has none of that id."""
        return await self._one("customer_by_id", tenant_id=tenant_id, id=customer_id)

    async def customers_of(self, tenant_id: UUID, customer_ids: Collection[UUID]) -> list[Customer]:
        """Return those of the customers that the tenant has."""
        found = [await self.customer(tenant_id, customer_id) for customer_id in customer_ids]
        return [customer for customer in found if customer is not None]

    async def customer_titled(self, tenant_id: UUID, title: str) -> Customer | None:
        """Return the customer of that exact title."""
        return await self._one("customer_by_title", tenant_id=tenant_id, title=title)

    async def public_customer(self, tenant_id: UUID) -> Customer | None:
        """Return the customer that stands for everybody."""
        return await self._one("customer_for_public", tenant_id=tenant_id)

    async def page_of_customers(self, tenant_id: UUID, asked: PageSlice) -> Listing[Customer]:
        """Return a page of the tenant's customers."""
        return await listing(
            self.transaction,
            "customers_page",
            asked,
            Customer,
            tally=(tenant_id, _NOUN),
            tenant_id=tenant_id,
        )

    async def page_of_sub_customers(
        self, tenant_id: UUID, customer_id: UUID, asked: PageSlice
    ) -> Listing[Customer]:
        """Return a page of the customers right below a customer."""
        return await listing(
            self.transaction,
            "sub_customers_page",
            asked,
            Customer,
            tally=None,
            tenant_id=tenant_id,
            customer_id=customer_id,
        )

    async def add(self, customer: Customer) -> None:
        """Store a new customer. Raises NameTaken."""
        await self._write("add_customer", customer)
        await change_tally(self.transaction, customer.tenant_id, _NOUN, 1)

    async def change(self, customer: Customer) -> None:
        """Store title, contact and additional info of a customer. Raises NameTaken."""
        await self._write("change_customer", customer)

    async def _one(self, statement: str, **values: Any) -> Customer | None:
        found: list[Customer] = await self.transaction.structs(statement, Customer, **values)
        return found[0] if found else None

    async def _write(self, statement: str, customer: Customer) -> None:
        try:
            await self.transaction.run(statement, **msgspec.structs.asdict(customer))
        except UniqueViolation:
            raise title_taken() from None
