"""Users as JSON."""

from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from deedbox.api.shapes.entities import EntityId, Wire, json_value, reference, referred
from deedbox.core.permissions import Authority
from deedbox.core.user_changes import UserDraft
from deedbox.core.users import User

#: What a user's `additionalInfo` shows of the account itself; ignored when it comes back.
_ACCOUNT_FACTS = ("userCredentialsEnabled", "userActivated")


class UserShape(Wire):
    """A user as clients of the reference server know it; `name` is the e-mail address."""

    id: EntityId
    created_time: int
    tenant_id: EntityId
    customer_id: EntityId
    email: str
    name: str
    authority: Authority
    first_name: str | None
    last_name: str | None
    phone: str | None
    additional_info: dict[str, Any]
    version: int


class UserInfoShape(UserShape):
    """A user with the title of its customer or, without one, of its tenant."""

    owner_id: EntityId
    owner_name: str
    groups: tuple[EntityId, ...] = ()


class UserSaveShape(Wire):
    """A user to make (no `id`) or to change; absent fields stay as they are."""

    id: EntityId | None = None
    tenant_id: EntityId | None = None
    customer_id: EntityId | None = None
    email: str | UnsetType | None = UNSET
    authority: Authority | None = None
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    additional_info: dict[str, Any] | UnsetType | None = UNSET
    version: int | None = None


class UserEmailShape(Wire):
    """What a list of people to choose from shows."""

    id: EntityId
    email: str
    first_name: str | None
    last_name: str | None


class LinkShape(Wire):
    """A link that sets a password, and for how many milliseconds it works."""

    value: str
    ttl_ms: int


def user_shape(it: User) -> UserShape:
    """Return the wire form of a user."""
    return UserShape(**_fields(it))


def user_info_shape(it: User, owner_name: str) -> UserInfoShape:
    """Return the wire form of a user with its owner's title."""
    customer, tenant = reference("CUSTOMER", it.customer_id), reference("TENANT", it.tenant_id)
    owner_id = customer if it.customer_id else tenant
    return UserInfoShape(**_fields(it), owner_id=owner_id, owner_name=owner_name)


def user_email_shape(it: User) -> UserEmailShape:
    """Return the short wire form of a user."""
    return UserEmailShape(
        id=reference("USER", it.id), email=it.email, first_name=it.first_name, last_name=it.last_name
    )


def user_draft(it: UserSaveShape) -> UserDraft:
    """Return what is wanted of a user."""
    info = it.additional_info
    if isinstance(info, dict):
        info = {name: value for name, value in info.items() if name not in _ACCOUNT_FACTS}
    return UserDraft(
        id=referred(it.id),
        tenant_id=referred(it.tenant_id),
        customer_id=referred(it.customer_id),
        email=UNSET if it.email is None else it.email,
        authority=it.authority,
        first_name=it.first_name,
        last_name=it.last_name,
        phone=it.phone,
        additional_info={} if info is None else info,
        version=it.version,
    )


def referred_user(it: UserSaveShape) -> UUID | None:
    """Return the id of the user that is to be changed, None for a new one."""
    return referred(it.id)


def _fields(it: User) -> dict[str, Any]:
    info = json_value(it.additional_info) or {}
    return {
        "id": reference("USER", it.id),
        "created_time": it.created_at,
        "tenant_id": reference("TENANT", it.tenant_id),
        "customer_id": reference("CUSTOMER", it.customer_id),
        "email": it.email,
        "name": it.email,
        "authority": it.authority,
        "first_name": it.first_name,
        "last_name": it.last_name,
        "phone": it.phone,
        "additional_info": info | dict(zip(_ACCOUNT_FACTS, (it.enabled, it.activated), strict=True)),
        "version": it.version,
    }
