"""What lists show somebody: all that their tenant or customer has, or what is in some groups."""

from uuid import UUID

from deedbox.core.access.computed import all_group_id
from deedbox.core.permissions import Operation, Principal, Resource, Target, may, refuse


def groups_to_list(
    principal: Principal, resource: Resource, customer_id: UUID | None
) -> tuple[UUID, ...] | None:
    """Return the groups that a list of a customer's things (None: of the tenant's) is restricted to.

    None: no restriction. Raises NotPermitted for whoever may see none of them.
    """
    if may(principal, Operation.READ, Target(resource, principal.tenant_id, customer_id)):
        return None
    return _by_group(principal, resource) or refuse(Operation.READ, resource)


def groups_of_mine(principal: Principal, resource: Resource) -> tuple[UUID, ...] | None:
    """Return the groups that hold all that somebody may see; None: all of the customer's or tenant's.

    Raises NotPermitted for whoever may see nothing of the kind.
    """
    restricted = groups_to_list(principal, resource, principal.customer_id)
    if restricted is not None:
        return restricted
    shared = _by_group(principal, resource)
    if not shared or principal.customer_id is None:
        return None
    own = all_group_id(resource, principal.customer_id)
    return shared if own is None else (*shared, own)


def _by_group(principal: Principal, resource: Resource) -> tuple[UUID, ...]:
    if principal.grants is None:
        return ()
    return tuple(principal.grants.groups_with(Operation.READ, resource))
