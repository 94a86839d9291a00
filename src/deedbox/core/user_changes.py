"""Making, changing and deleting users: who may, and that nobody locks everybody out."""

from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.core.emails import checked_email
from deedbox.core.errors import InvalidValue, NotFound, NotPermitted, VersionConflict
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Authority, Operation, Principal, check
from deedbox.core.records import Actor
from deedbox.core.texts import checked_json, checked_text
from deedbox.core.users import User, UserStore, audit, permitted_user, target

_LONGEST_ADDITIONAL_INFO = 65_536


class UserDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants a user to be; what is UNSET stays as it is."""

    id: UUID | None = None
    tenant_id: UUID | None = None
    customer_id: UUID | None = None
    email: str | UnsetType = UNSET
    authority: Authority | None = None
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    additional_info: object = UNSET
    version: int | None = None


async def create(store: UserStore, principal: Principal, draft: UserDraft, source_address: str) -> User:
    """Store a new user, who can sign in after the activation.

    Raises NotPermitted; NotFound for a tenant or customer out of reach; InvalidValue, naming the field.
    """
    if draft.authority is None:
        raise InvalidValue("User authority should be specified!", "/authority")
    user = User(
        id=store.new_id(),
        tenant_id=_home_tenant(principal, draft, draft.authority),
        customer_id=draft.customer_id,
        email=checked_email(draft.email or None),
        authority=draft.authority,
        first_name=None,
        last_name=None,
        phone=None,
        additional_info="{}",
        enabled=True,
        activated=False,
        created_at=await store.now_ms(),
        version=1,
    )
    _check_creation(principal, user)
    await _check_home(store, user)
    user = _with_details(user, draft, draft.additional_info)
    await store.add_user(user)
    await audit(store, principal.actor(source_address), user, "ADDED", entity=_public_facts(user))
    return user


async def change(store: UserStore, principal: Principal, draft: UserDraft, source_address: str) -> User:
    """Change names, phone, address or additional info; customers' users change their names and phone only.

    Raises NotFound, NotPermitted; InvalidValue where authority, tenant or customer would change;
    VersionConflict.
    """
    before = await permitted_user(store, principal, Operation.WRITE, draft.id or NULL_ID)
    _check_unchanged(before, draft)
    if draft.version not in (None, before.version):
        raise VersionConflict
    email = before.email if draft.email is UNSET else checked_email(draft.email)
    if principal.authority is Authority.CUSTOMER_USER and email != before.email:
        raise NotPermitted("Only your administrator can change your e-mail address.")
    # A customer's user keeps what administrators noted about it.
    info = UNSET if principal.authority is Authority.CUSTOMER_USER else draft.additional_info
    after = _with_details(before, draft, info)
    after = msgspec.structs.replace(after, email=email, version=before.version + 1)
    if not await store.update_user(after):
        raise VersionConflict
    await audit(store, principal.actor(source_address), after, "UPDATED", entity=_public_facts(after))
    return after


async def delete(store: UserStore, principal: Principal, user_id: UUID, source_address: str) -> User:
    """Delete a user with its sessions. Raises InvalidValue for the last administrator."""
    user = await permitted_user(store, principal, Operation.DELETE, user_id)
    await _check_not_last(store, user, "deleted")
    await store.delete_users([user])
    await audit(store, principal.actor(source_address), user, "DELETED", entityId=user.id)
    return user


async def enable(
    store: UserStore, principal: Principal, user_id: UUID, enabled: bool, source_address: str
) -> User:
    """Let a user sign in, or not any more, at once. Raises InvalidValue for the last administrator."""
    user = await permitted_user(store, principal, Operation.WRITE_CREDENTIALS, user_id)
    if not enabled:
        await _check_not_last(store, user, "disabled")
    await store.set_enabled(user.id, enabled)
    if not enabled:
        # Behind the change, which waits for whoever locked the account to sign in.
        await store.end_sessions(user.id)
    await audit(store, principal.actor(source_address), user, "CREDENTIALS_UPDATED", enabled=enabled)
    return user


async def ensure_first_administrator(store: UserStore, email: str, password_hash: str) -> User | None:
    """Make a system administrator where there is none; None when there is one. Raises InvalidValue."""
    if await store.any_system_administrator():
        return None
    user = User(
        id=store.new_id(),
        tenant_id=NULL_ID,
        customer_id=None,
        email=checked_email(email, "admin.email"),
        authority=Authority.SYS_ADMIN,
        first_name=None,
        last_name=None,
        phone=None,
        additional_info="{}",
        enabled=True,
        activated=True,
        created_at=await store.now_ms(),
        version=1,
    )
    await store.add_user(user)
    await store.set_password(user.id, password_hash)
    await audit(store, Actor(NULL_ID, None, None, "start"), user, "ADDED", entity=_public_facts(user))
    return user


def _home_tenant(principal: Principal, draft: UserDraft, authority: Authority) -> UUID:
    if authority is Authority.SYS_ADMIN:
        return NULL_ID
    if principal.authority is not Authority.SYS_ADMIN:
        return draft.tenant_id or principal.tenant_id
    if draft.tenant_id is None:
        raise InvalidValue("Tenant administrator should be assigned to tenant!", "/tenantId")
    return draft.tenant_id


def _check_creation(principal: Principal, user: User) -> None:
    try:
        check(principal, Operation.CREATE, target(user))
    except NotFound:
        raise NotFound("Requested tenant wasn't found!") from None


async def _check_home(store: UserStore, user: User) -> None:
    if user.authority is not Authority.CUSTOMER_USER:
        if user.customer_id is not None:
            raise InvalidValue("An administrator can't be assigned to customer!", "/customerId")
        if user.authority is Authority.TENANT_ADMIN and not await store.has_tenant(user.tenant_id):
            raise NotFound("Requested tenant wasn't found!")
        return
    if user.customer_id is None:
        raise InvalidValue("Customer user should be assigned to customer!", "/customerId")
    home = await store.home(user.customer_id)
    if home is None or home.tenant_id != user.tenant_id:
        raise NotFound("Requested customer wasn't found!")
    if home.is_public:
        raise InvalidValue("The public customer can't have users.", "/customerId")


def _check_unchanged(before: User, draft: UserDraft) -> None:
    pairs = (
        ("authority", draft.authority, before.authority),
        ("tenantId", draft.tenant_id, before.tenant_id),
        ("customerId", draft.customer_id, before.customer_id),
    )
    for field, wanted, current in pairs:
        if wanted is not None and wanted != current:
            raise InvalidValue(f"The {field} of a user can't be changed. Make a new user.", f"/{field}")


def _with_details(user: User, draft: UserDraft, additional_info: object) -> User:
    changed: dict[str, str | None] = {}
    for name, wire in (("first_name", "firstName"), ("last_name", "lastName"), ("phone", "phone")):
        value = getattr(draft, name)
        if value is not UNSET:
            changed[name] = None if value is None else checked_text(value, wire)
    if additional_info is not UNSET:
        changed["additional_info"] = checked_json(additional_info, "additionalInfo", _LONGEST_ADDITIONAL_INFO)
    return msgspec.structs.replace(user, **changed)


async def _check_not_last(store: UserStore, user: User, done: str) -> None:
    if user.authority is Authority.CUSTOMER_USER or await store.count_other_administrators(user):
        return
    raise InvalidValue(f"The last administrator can't be {done}. Make another one first.")


def _public_facts(user: User) -> dict[str, str | None]:
    return {
        "email": user.email,
        "authority": str(user.authority),
        "firstName": user.first_name,
        "lastName": user.last_name,
        "phone": user.phone,
    }
