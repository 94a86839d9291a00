"""Users as rows, with their passwords' hashes and links."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.errors import NameTaken
from deedbox.core.ids import NULL_ID
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.permissions import Authority
from deedbox.core.users import Account, Home, StoredLink, User
from deedbox.storage.access.lookup import leave_groups
from deedbox.storage.accounts.mails import MailStore
from deedbox.storage.paging import listing
from deedbox.storage.relations import forget_relations
from deedbox.storage.sessions import SessionStore
from deedbox.storage.statements import Row, UniqueViolation
from deedbox.storage.tallies import change_tally

#: Totals: users who belong to a tenant or customer itself, and those of a tenant with all its customers.
_NOUN = "user"
_NOUN_IN_TENANT = "tenant_user"


class UserStore(SessionStore, MailStore):
    """Users inside a transaction."""

    async def find_user(self, user_id: UUID) -> User | None:
        """Return a user of any tenant."""
        found = await self.transaction.structs("user_by_id", User, user_id=user_id)
        return found[0] if found else None

    async def find_account(self, email: str) -> Account | None:
        """Return the account with this address in canonical form."""
        try:
            found = await self.transaction.rows("account_by_email", email=email)
        except UnicodeEncodeError:  # half of a surrogate pair: no stored address has one
            return None
        return await self._account(found[0]) if found else None

    async def lock_account(self, email: str) -> Account | None:
        """Return the account with this address; nobody else changes it until the transaction ends."""
        await self.transaction.rows("lock_account", email=email)
        return await self.find_account(email)

    async def add_user(self, user: User) -> None:
        """Store a new user and count it. Raises NameTaken when the address is in use."""
        try:
            await self.transaction.run("add_user", **msgspec.structs.asdict(user))
        except UniqueViolation as violation:
            raise _taken(user.email) from violation
        await self._count([user], 1)

    async def update_user(self, user: User) -> bool:
        """Store what may change; tell whether `user.version - 1` was current. Raises NameTaken."""
        try:
            return await self.transaction.run("update_user", **msgspec.structs.asdict(user)) == 1
        except UniqueViolation as violation:
            raise _taken(user.email) from violation

    async def delete_users(self, users: Sequence[User]) -> None:
        """Delete users with their sessions, relations and places in groups."""
        asked = [(user.id,) for user in users]
        # First, as who signs in locks the account first: afterwards nobody starts a session any more.
        await self.transaction.batch("delete_users", asked)
        await self.transaction.batch("delete_sessions_of_users", asked)
        await self.transaction.batch("delete_api_keys_of_users", asked)
        await forget_relations(self.transaction, "USER", [user.id for user in users])
        await leave_groups(self.transaction, [user.id for user in users])
        await self.transaction.batch("enter_default_group", asked)
        await self._count(users, -1)

    async def set_enabled(self, user_id: UUID, enabled: bool) -> None:
        """Let a user sign in, or not."""
        await self.transaction.run("set_user_enabled", user_id=user_id, enabled=enabled)

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace the password; links that set one work no more."""
        await self.transaction.run("set_password", user_id=user_id, password_hash=password_hash)

    async def renew_hash(self, user_id: UUID, old_hash: str, new_hash: str) -> None:
        """Replace the hash of an unchanged password."""
        await self.transaction.run(
            "renew_password_hash", user_id=user_id, old_hash=old_hash, new_hash=new_hash
        )

    async def count_other_administrators(self, user: User) -> int:
        """Count the others of this authority in this tenant who can sign in, or could once activated."""
        counted = await self.transaction.rows(
            "count_other_administrators",
            tenant_id=user.tenant_id,
            authority=str(user.authority),
            user_id=user.id,
        )
        return int(counted[0][0])

    async def any_system_administrator(self) -> bool:
        """Tell whether there is one."""
        return bool(await self.transaction.rows("any_system_administrator", tenant_id=NULL_ID))

    async def activation_of(self, user_id: UUID) -> StoredLink | None:
        """Return the stored activation link."""
        found = await self.transaction.structs("activation_of_user", StoredLink, user_id=user_id)
        return found[0] if found else None

    async def set_activation(self, user_id: UUID, link: StoredLink) -> None:
        """Store a link that activates."""
        await self.transaction.run("set_activation", user_id=user_id, **msgspec.structs.asdict(link))

    async def set_reset(self, user_id: UUID, link: StoredLink) -> None:
        """Store a link that resets the password."""
        await self.transaction.run(
            "set_reset", user_id=user_id, digest=link.digest, expires_at=link.expires_at
        )

    async def find_by_activation(self, digests: Collection[bytes]) -> tuple[Account, int] | None:
        """Return whom a link activates and until when."""
        return await self._find_by("account_by_activation", digests)

    async def find_by_reset(self, digests: Collection[bytes]) -> tuple[Account, int] | None:
        """Return whose password a link resets and until when."""
        return await self._find_by("account_by_reset", digests)

    async def has_tenant(self, tenant_id: UUID) -> bool:
        """Tell whether there is such a tenant."""
        return bool(await self.transaction.rows("tenant_exists", tenant_id=tenant_id))

    async def home(self, customer_id: UUID) -> Home | None:
        """Return what a user's customer must be known for."""
        found = await self.transaction.structs("home_of_users", Home, customer_id=customer_id)
        return found[0] if found else None

    async def users_of_tenant(self, tenant_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return users of all authorities in a tenant."""
        return await self._listing(
            "users_of_tenant", asked, (tenant_id, _NOUN_IN_TENANT), tenant_id=tenant_id
        )

    async def administrators_of_tenant(self, tenant_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return the administrators of a tenant (of the deployment: of NULL_ID)."""
        authority = Authority.SYS_ADMIN if tenant_id == NULL_ID else Authority.TENANT_ADMIN
        return await self._with_authority(tenant_id, authority, asked, (tenant_id, _NOUN))

    async def customer_users_of_tenant(self, tenant_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return the users of all customers of a tenant."""
        return await self._with_authority(tenant_id, Authority.CUSTOMER_USER, asked, None)

    async def users_of_customer(self, tenant_id: UUID, customer_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return the users of a customer."""
        statement, tally = "users_of_customer", (customer_id, _NOUN)
        return await self._listing(statement, asked, tally, tenant_id=tenant_id, customer_id=customer_id)

    async def _count(self, users: Sequence[User], change: int) -> None:
        for user in users:
            owner_id = user.customer_id or user.tenant_id
            await change_tally(self.transaction, owner_id, _NOUN, change)
            await change_tally(self.transaction, user.tenant_id, _NOUN_IN_TENANT, change)

    async def _with_authority(
        self, tenant_id: UUID, authority: Authority, asked: PageSlice, tally: tuple[UUID, str] | None
    ) -> Listing[User]:
        statement = "users_of_tenant_with_authority"
        return await self._listing(statement, asked, tally, tenant_id=tenant_id, authority=str(authority))

    async def _listing(
        self, statement: str, asked: PageSlice, tally: tuple[UUID, str] | None, **values: Any
    ) -> Listing[User]:
        return await listing(self.transaction, statement, asked, User, tally=tally, **values)

    async def _find_by(self, statement: str, digests: Collection[bytes]) -> tuple[Account, int] | None:
        found = await self.transaction.batch(statement, [(digest,) for digest in digests])
        if not found:
            return None
        account = await self._account(found[0])
        return (account, found[0][2]) if account else None

    async def _account(self, row: Row) -> Account | None:
        user = await self.find_user(UUID(bytes=row[0]))
        return Account(user, row[1]) if user else None


def _taken(email: str) -> NameTaken:
    return NameTaken(f"User with email '{email}' already present in database!", "/email")
