"""Who may do what to groups, and whose they are: what the routes about groups share."""

from uuid import UUID

from deedbox.api.context import ApiContext
from deedbox.core.access import groups
from deedbox.core.access.groups import GROUP_RESOURCES, EntityGroup, Owner, checked_kind
from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.live import OwnershipChanged
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, may
from deedbox.core.storage import Stores

#: So many people's tokens are looked up anew one by one; of more the tenant's all are.
_FEW = 50


def owner_of(principal: Principal, owner_type: str, owner_id: UUID) -> Owner:
    """Return the owner that a request names. Raises InvalidValue, NotFound for another tenant."""
    if owner_type == "TENANT":
        if owner_id != principal.tenant_id:
            raise NotFound
        return Owner(principal.tenant_id)
    if owner_type != "CUSTOMER":
        raise InvalidValue("Owners of groups are of type TENANT or CUSTOMER.", "/ownerId")
    return Owner(principal.tenant_id, owner_id)


def check_owner(principal: Principal, operation: Operation, owner: Owner, kind: str) -> None:
    """Check that somebody may do that to groups of an owner. Raises NotPermitted, InvalidValue."""
    resource = GROUP_RESOURCES[checked_kind(kind)]
    check(principal, operation, Target(resource, owner.tenant_id, owner.customer_id))


async def permitted_group(
    stores: Stores, principal: Principal, operation: Operation, group_id: UUID
) -> EntityGroup:
    """Return a group that somebody may do that to. Raises NotFound, NotPermitted."""
    group = await groups.group_of(stores.access, principal.tenant_id, group_id)
    if operation is Operation.READ and is_shared(principal, group):
        return group
    check_owner(principal, operation, group.owner, group.kind)
    return group


def is_shared(principal: Principal, group: EntityGroup) -> bool:
    """Tell whether a role lets somebody read what is in the group."""
    readable = principal.grants.groups_with(Operation.READ, Resource(group.kind)) if principal.grants else ()
    return group.id in readable


def check_contents(principal: Principal, group: EntityGroup) -> None:
    """Check that somebody may read what is in a group. Raises NotPermitted."""
    if is_shared(principal, group):
        return
    kind = Resource(group.kind)
    if kind is Resource.USER and group.owner.customer_id is not None:
        kind = Resource.CUSTOMER_USER
    check(principal, Operation.READ, Target(kind, group.tenant_id, group.owner.customer_id))


def may_list(principal: Principal, group: EntityGroup) -> bool:
    """Tell whether lists of groups show it to somebody."""
    target = Target(GROUP_RESOURCES[group.kind], group.tenant_id, group.owner.customer_id)
    return is_shared(principal, group) or may(principal, Operation.READ, target)


def members_changed(context: ApiContext, group: EntityGroup, ids: list[UUID]) -> None:
    """Have what hangs on a group be looked at anew, on every node; after the commit."""
    if group.kind in ("DEVICE", "ASSET"):
        for it in ids:
            context.live.tell(OwnershipChanged(it))
    elif group.kind == "USER":
        for it in ids if len(ids) <= _FEW else [group.tenant_id]:
            context.authenticator.forget(it)
