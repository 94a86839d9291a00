"""API keys as rows; a key itself is nowhere, only its digest."""

from uuid import UUID

import msgspec

from deedbox.core.accounts.api_keys import ApiKey, KeyHolder, limited
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.permissions import Authority, Principal
from deedbox.storage.access.memberships import with_grants
from deedbox.storage.paging import listing
from deedbox.storage.users import UserStore


class _Row(msgspec.Struct, frozen=True):
    session_id: UUID
    user_id: UUID
    authority: Authority
    tenant_id: UUID
    customer_id: UUID | None
    email: str
    customer_title: str
    is_public: bool
    permissions: str
    expires_at: int
    last_used_at: int


class ApiKeyStore(UserStore):
    """API keys inside a transaction."""

    async def add_api_key(self, key: ApiKey, most: int) -> bool:
        """Store a key; False when its user has `most` already."""
        return await self.transaction.run("add_api_key", **msgspec.structs.asdict(key), most=most) == 1

    async def find_api_key(self, key_id: UUID) -> ApiKey | None:
        """Return a key."""
        found = await self.transaction.structs("api_key_by_id", ApiKey, key_id=key_id)
        return found[0] if found else None

    async def change_api_key(self, key: ApiKey) -> None:
        """Replace description and whether it is enabled."""
        await self.transaction.run(
            "change_api_key", key_id=key.id, description=key.description, enabled=key.enabled
        )

    async def delete_api_key(self, key_id: UUID) -> None:
        """Delete a key."""
        await self.transaction.run("delete_api_key", key_id=key_id)

    async def api_keys_of(self, user_id: UUID, asked: PageSlice) -> Listing[ApiKey]:
        """Return a page of a user's keys."""
        return await listing(self.transaction, "api_keys_page", asked, ApiKey, tally=None, user_id=user_id)

    async def key_holder(self, digest: bytes) -> KeyHolder | None:
        """Return whose a key is that works now."""
        found = await self.transaction.structs(
            "api_key_holder", _Row, digest=digest, now_ms=self.transaction.now_ms
        )
        if not found:
            return None
        row = found[0]
        principal = Principal(
            user_id=row.user_id,
            authority=row.authority,
            tenant_id=row.tenant_id,
            customer_id=row.customer_id,
            email=row.email,
            session_id=row.session_id,
            customer_title=row.customer_title,
            is_public=row.is_public,
            by_key=True,
        )
        granted = await with_grants(self.transaction, principal)
        return KeyHolder(limited(granted, row.permissions), row.expires_at, row.last_used_at)

    async def note_key_use(self, key_id: UUID, used_at: int) -> None:
        """Write down when a key was used."""
        await self.transaction.run("note_key_use", key_id=key_id, used_at=used_at)
