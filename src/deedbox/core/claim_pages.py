"""Whose claim page it is: a host belongs to one tenant, or the path names it by its slug."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec


class Maker(msgspec.Struct, frozen=True):
    """A tenant as strangers see it on its claim page."""

    id: UUID
    title: str
    slug: str


class ClaimPageStore(Protocol):
    """Finds tenants for strangers, inside one transaction."""

    async def maker_by_id(self, tenant_id: UUID) -> Maker | None:
        """Return the tenant with that id."""
        ...

    async def maker_by_slug(self, slug: str) -> Maker | None:
        """Return the tenant with that slug."""
        ...

    async def maker_by_host(self, host: str) -> Maker | None:
        """Return the tenant whose claim host this is; `host` in lower case, without a port."""
        ...

    async def first_makers(self, most: int) -> Sequence[Maker]:
        """Return the tenants that were made first."""
        ...


async def maker_of(store: ClaimPageStore, host: str, slug: str | None) -> Maker | None:
    """Return whose page it is, None when neither host nor slug says so.

    Without a slug, on a host that belongs to nobody, it is the only tenant's if there is only one.
    """
    if slug is not None:
        return await store.maker_by_slug(slug)
    owner = await store.maker_by_host(host.lower())
    if owner is not None:
        return owner
    everybody = await store.first_makers(2)
    return everybody[0] if len(everybody) == 1 else None
