"""Groups and roles that everybody has without a row of their own: found by identifiers made of their owner's.

Ours are UUIDs of version 7. The same digits with another version name what is computed for that tenant or
customer, so it needs no storing, and either is found from the other.
"""

from enum import IntEnum
from uuid import UUID

from deedbox.core.access.operations import Authority, Resource

_VERSION_AT = 76
_VERSION = 0xF << _VERSION_AT
_OURS = 7


class ComputedGroup(IntEnum):
    """A group that each owner has; the number takes the version's place."""

    ALL_DEVICES = 8
    ALL_ASSETS = 9
    ALL_CUSTOMERS = 10
    ALL_USERS = 11
    TENANT_ADMINISTRATORS = 12
    CUSTOMER_USERS = 13
    CUSTOMER_ADMINISTRATORS = 14

    @property
    def kind(self) -> str:
        """What such a group holds: DEVICE, ASSET, CUSTOMER or USER."""
        return _KINDS.get(self, "USER")

    @property
    def title(self) -> str:
        """What people call it."""
        return "All" if self.name.startswith("ALL_") else self.name.replace("_", " ").title()


class ComputedRole(IntEnum):
    """A role that each tenant has; the number takes the version's place."""

    TENANT_ADMINISTRATOR = 8
    CUSTOMER_USER = 9
    CUSTOMER_ADMINISTRATOR = 10

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.replace("_", " ").title()


_KINDS = {
    ComputedGroup.ALL_DEVICES: "DEVICE",
    ComputedGroup.ALL_ASSETS: "ASSET",
    ComputedGroup.ALL_CUSTOMERS: "CUSTOMER",
}
#: The group that people are in unless they were taken out, and the role that its members have.
DEFAULT_GROUP = {
    Authority.TENANT_ADMIN: ComputedGroup.TENANT_ADMINISTRATORS,
    Authority.CUSTOMER_USER: ComputedGroup.CUSTOMER_USERS,
}
ROLE_OF_GROUP = {
    ComputedGroup.TENANT_ADMINISTRATORS: ComputedRole.TENANT_ADMINISTRATOR,
    ComputedGroup.CUSTOMER_USERS: ComputedRole.CUSTOMER_USER,
    ComputedGroup.CUSTOMER_ADMINISTRATORS: ComputedRole.CUSTOMER_ADMINISTRATOR,
}
_ALL = {
    Resource.DEVICE: ComputedGroup.ALL_DEVICES,
    Resource.ASSET: ComputedGroup.ALL_ASSETS,
    Resource.CUSTOMER: ComputedGroup.ALL_CUSTOMERS,
    Resource.USER: ComputedGroup.ALL_USERS,
    Resource.CUSTOMER_USER: ComputedGroup.ALL_USERS,
}


def group_id(owner_id: UUID, group: ComputedGroup) -> UUID:
    """Return the id of a tenant's or customer's computed group."""
    return _with_version(owner_id, group)


def role_id(tenant_id: UUID, role: ComputedRole) -> UUID:
    """Return the id of a tenant's computed role."""
    return _with_version(tenant_id, role)


def group_of(identifier: UUID) -> tuple[UUID, ComputedGroup] | None:
    """Return whose computed group that may be, and which; None for the id of a stored one."""
    version = _version(identifier)
    if version not in set(ComputedGroup):
        return None
    return _with_version(identifier, _OURS), ComputedGroup(version)


def role_of(identifier: UUID) -> tuple[UUID, ComputedRole] | None:
    """Return which tenant's computed role that may be, and which; None for the id of a stored one."""
    version = _version(identifier)
    if version not in set(ComputedRole):
        return None
    return _with_version(identifier, _OURS), ComputedRole(version)


def all_group_id(resource: Resource, owner_id: UUID) -> UUID | None:
    """Return the id of the group of all that an owner has of a kind; None for kinds without groups."""
    group = _ALL.get(resource)
    return None if group is None else _with_version(owner_id, group)


def _version(identifier: UUID) -> int:
    return (identifier.int & _VERSION) >> _VERSION_AT


def _with_version(identifier: UUID, version: int) -> UUID:
    return UUID(int=(identifier.int & ~_VERSION) | (version << _VERSION_AT))
