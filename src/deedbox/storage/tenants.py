"""Tenants as rows."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.ids import NULL_ID
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.tenants import Tenant, title_taken
from deedbox.storage.paging import listing
from deedbox.storage.statements import UniqueViolation
from deedbox.storage.tallies import change_tally
from deedbox.storage.tenant_profiles import TenantProfileStore

_NOUN = "tenant"


class TenantStore(TenantProfileStore):
    """Tenants and their profiles inside a transaction."""

    async def tenant(self, tenant_id: UUID) -> Tenant | None:
        """Return the tenant."""
        return await self._one("tenant_by_id", id=tenant_id)

    async def tenants(self, tenant_ids: Collection[UUID]) -> list[Tenant]:
        """Return those of the tenants that there are."""
        found = [await self.tenant(tenant_id) for tenant_id in tenant_ids]
        return [tenant for tenant in found if tenant is not None]

    async def tenant_titled(self, title: str) -> Tenant | None:
        """Return the tenant of that exact title."""
        return await self._one("tenant_by_title", title=title)

    async def tenant_with_slug(self, slug: str) -> Tenant | None:
        """Return the tenant whose claim page has this slug."""
        return await self._one("tenant_by_slug", slug=slug)

    async def tenant_with_claim_host(self, host: str) -> Tenant | None:
        """Return the tenant whose claim page is at this host, in lower case."""
        return await self._one("tenant_by_claim_host", claim_host=host)

    async def page_of_tenants(self, asked: PageSlice) -> Listing[Tenant]:
        """Return a page of all tenants."""
        return await listing(self.transaction, "tenants_page", asked, Tenant, tally=(NULL_ID, _NOUN))

    async def add(self, tenant: Tenant) -> None:
        """Store a new tenant. Raises NameTaken."""
        await self._write("add_tenant", tenant)
        await change_tally(self.transaction, NULL_ID, _NOUN, 1)

    async def change(self, tenant: Tenant) -> None:
        """Store all of a tenant but its id and time. Raises NameTaken."""
        await self._write("change_tenant", tenant)

    async def _one(self, statement: str, **values: Any) -> Tenant | None:
        found: list[Tenant] = await self.transaction.structs(statement, Tenant, **values)
        return found[0] if found else None

    async def _write(self, statement: str, tenant: Tenant) -> None:
        try:
            fields = msgspec.structs.asdict(tenant)
            del fields["profile_name"]
            await self.transaction.run(statement, **fields)
        except UniqueViolation:
            raise title_taken() from None
