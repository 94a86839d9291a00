"""Users: people with an authority, in a tenant or a customer; e-mail addresses are unique per deployment."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access.giving import check_everything
from deedbox.core.access.lookup import GroupLookup, check_target
from deedbox.core.accounts.mails import MailStore
from deedbox.core.errors import NotFound
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.permissions import Authority, Operation, Principal, Resource, Target
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.sessions import SessionStore


class User(msgspec.Struct, frozen=True):
    """A user. System administrators have NULL_ID as tenant; `created_at` is epoch milliseconds.

    `activated` once a password is set; `additional_info` is JSON text.
    """

    id: UUID
    tenant_id: UUID
    customer_id: UUID | None
    email: str
    authority: Authority
    first_name: str | None
    last_name: str | None
    phone: str | None
    additional_info: str
    enabled: bool
    activated: bool
    created_at: int
    version: int


class Account(msgspec.Struct, frozen=True):
    """What sign-in needs of a user beside the user: the password's hash, None before the activation."""

    user: User
    password_hash: str | None


class Link(msgspec.Struct, frozen=True):
    """A link by which somebody sets a password: its token, until when it works (epoch ms)."""

    token: str
    expires_at: int


class StoredLink(msgspec.Struct, frozen=True):
    """A link as it is stored; `ciphertext` where the link may be shown again."""

    digest: bytes
    expires_at: int
    ciphertext: bytes | None = None


class Home(msgspec.Struct, frozen=True):
    """The customer that a user is to belong to."""

    tenant_id: UUID
    is_public: bool


class UserStore(SessionStore, MailStore, RecordStore, GroupLookup, Protocol):
    """Users, their passwords, links and sessions, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch milliseconds."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def find_user(self, user_id: UUID) -> User | None:
        """Return a user of any tenant."""
        ...

    async def lock_account(self, email: str) -> Account | None:
        """Return the account with this address; nobody else changes it until the transaction ends."""
        ...

    async def find_account(self, email: str) -> Account | None:
        """Return the account with this address in canonical form."""
        ...

    async def add_user(self, user: User) -> None:
        """Store a new user and count it. Raises NameTaken when the address is in use."""
        ...

    async def update_user(self, user: User) -> bool:
        """Store address, names, phone and additional info; tell whether `user.version - 1` was current.

        Raises NameTaken when the address is in use.
        """
        ...

    async def delete_users(self, users: Sequence[User]) -> None:
        """Delete users with their sessions and relations."""
        ...

    async def set_enabled(self, user_id: UUID, enabled: bool) -> None:
        """Let a user sign in, or not."""
        ...

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Replace the password; links that set one work no more."""
        ...

    async def renew_hash(self, user_id: UUID, old_hash: str, new_hash: str) -> None:
        """Replace the hash of an unchanged password."""
        ...

    async def count_other_administrators(self, user: User) -> int:
        """Count the others of this authority in this tenant who can sign in, or could once activated.

        Of system administrators only those count that have a password.
        """
        ...

    async def return_attempt(self, scope: bytes, spent_at: int) -> None:
        """Take back one attempt that was spent at that moment."""
        ...

    async def any_system_administrator(self) -> bool:
        """Tell whether there is one."""
        ...

    async def activation_of(self, user_id: UUID) -> StoredLink | None:
        """Return the stored activation link."""
        ...

    async def set_activation(self, user_id: UUID, link: StoredLink) -> None:
        """Store a link that activates; it replaces the one before."""
        ...

    async def set_reset(self, user_id: UUID, link: StoredLink) -> None:
        """Store a link that resets the password; it replaces the one before."""
        ...

    async def find_by_activation(self, digests: Collection[bytes]) -> tuple[Account, int] | None:
        """Return whom a link activates and until when."""
        ...

    async def find_by_reset(self, digests: Collection[bytes]) -> tuple[Account, int] | None:
        """Return whose password a link resets and until when."""
        ...

    async def has_tenant(self, tenant_id: UUID) -> bool:
        """Tell whether there is such a tenant."""
        ...

    async def home(self, customer_id: UUID) -> Home | None:
        """Return what a user's customer must be known for."""
        ...

    async def users_of_tenant(self, tenant_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return users of all authorities in a tenant."""
        ...

    async def administrators_of_tenant(self, tenant_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return the administrators of a tenant (of the deployment: of NULL_ID)."""
        ...

    async def customer_users_of_tenant(self, tenant_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return the users of all customers of a tenant."""
        ...

    async def users_of_customer(self, tenant_id: UUID, customer_id: UUID, asked: PageSlice) -> Listing[User]:
        """Return the users of a customer."""
        ...


_RESOURCES = {
    Authority.SYS_ADMIN: Resource.SYSTEM_USER,
    Authority.TENANT_ADMIN: Resource.USER,
    Authority.CUSTOMER_USER: Resource.CUSTOMER_USER,
}


def target(user: User) -> Target:
    """Return a user as what permissions are asked about."""
    return Target(_RESOURCES[user.authority], user.tenant_id, user.customer_id, user.id)


async def permitted_user(store: UserStore, principal: Principal, operation: Operation, user_id: UUID) -> User:
    """Return a user that the principal may do that to. Raises NotFound, NotPermitted."""
    user = await store.find_user(user_id)
    is_near = principal.authority is Authority.SYS_ADMIN or (user and user.tenant_id == principal.tenant_id)
    if user is None or not is_near:
        raise NotFound(f"User with id [{user_id}] is not found")
    await check_target(store, principal, operation, target(user))
    _check_above(principal, operation, user)
    return user


def _check_above(principal: Principal, operation: Operation, user: User) -> None:
    """Keep people of a tenant who may less from becoming those who may more, by their address or password."""
    if operation is Operation.READ or user.id == principal.user_id:
        return
    if user.authority is Authority.TENANT_ADMIN and principal.authority is Authority.TENANT_ADMIN:
        check_everything(principal, operation, Resource.USER)


async def audit(store: UserStore, actor: Actor, user: User, action: str, **more: object) -> None:
    """Leave an audit entry about a user, where the user's tenant sees it; `failure` says what was refused."""
    failure, data = str(more.pop("failure", "")), dict(more)
    by = msgspec.structs.replace(actor, tenant_id=user.tenant_id, customer_id=user.customer_id)
    now_ms, subject = await store.now_ms(), Subject("USER", user.id, user.email)
    entry = audit_entry(store, by, subject, action, now_ms=now_ms, failure=failure, data=data)
    await store.add_audit_entries([entry])


def actor_of(user: User, source_address: str) -> Actor:
    """Return a user as the one who does it, where nobody is signed in yet."""
    return Actor(user.tenant_id, user.customer_id, user.id, user.email, source_address)
