"""What lists show as the owner of people, customers and devices: a customer's title, else the tenant's."""

from collections.abc import Collection, Mapping
from uuid import UUID

from deedbox.core.storage import Stores


async def owner_titles(
    stores: Stores, tenant_id: UUID, customer_ids: Collection[UUID | None]
) -> Mapping[UUID | None, str]:
    """Return titles by customer; that of None is the tenant's own, which for system users is nobody's."""
    known = {it for it in customer_ids if it is not None}
    titles: dict[UUID | None, str] = {
        it.id: it.title for it in await stores.customers.customers_of(tenant_id, known)
    }
    if None in customer_ids:
        tenant = await stores.tenants.tenant(tenant_id)
        titles[None] = tenant.title if tenant else ""
    return titles
