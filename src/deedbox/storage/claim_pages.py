"""Finds tenants by what strangers know of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from deedbox.core.claim_pages import Maker
from deedbox.storage.statements import Transaction


class ClaimPageStore:
    """Tenants as strangers see them, inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def maker_by_id(self, tenant_id: UUID) -> Maker | None:
        """Return the tenant with that id."""
        return await self._one("maker_by_id", id=tenant_id)

    async def maker_by_slug(self, slug: str) -> Maker | None:
        """Return the tenant with that slug."""
        return await self._one("maker_by_slug", slug=slug)

    async def maker_by_host(self, host: str) -> Maker | None:
        """Return the tenant whose claim host this is; `host` in lower case, without a port."""
        return await self._one("maker_by_host", host=host)

    async def first_makers(self, most: int) -> Sequence[Maker]:
        """Return the tenants that were made first."""
        return await self.transaction.structs("first_makers", Maker, most=most)

    async def _one(self, statement: str, **values: Any) -> Maker | None:
        found: list[Maker] = await self.transaction.structs(statement, Maker, **values)
        return found[0] if found else None
