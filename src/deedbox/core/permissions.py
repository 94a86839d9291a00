"""Who may do what: one table (`access/rules.py`), one function. Nothing else decides about authority.

People have the rules of their authority unless their tenant gave them others by roles and groups: `Grants`
say what these add up to. It is the same question then, asked of other rules.
"""

from typing import NoReturn
from uuid import UUID

import msgspec

from deedbox.core.access.computed import all_group_id
from deedbox.core.access.grants import Grants
from deedbox.core.access.operations import Authority as Authority  # noqa: PLC0414  # offered here
from deedbox.core.access.operations import Operation as Operation  # noqa: PLC0414
from deedbox.core.access.operations import Reach as Reach  # noqa: PLC0414
from deedbox.core.access.operations import Resource as Resource  # noqa: PLC0414
from deedbox.core.access.rules import RULES as RULES  # noqa: PLC0414
from deedbox.core.errors import NotFound, NotPermitted
from deedbox.core.ids import NULL_ID
from deedbox.core.records import Actor

#: Anybody may be a visitor of a public customer: visitors look and change nothing.
_PUBLIC_MAY = (Operation.READ, Operation.READ_TELEMETRY, Operation.READ_ATTRIBUTES)


class Principal(msgspec.Struct, frozen=True):
    """Somebody who is signed in. System administrators have NULL_ID as tenant; `customer_id` may be None.

    `grants`: what roles and groups add up to; None where these are just the default ones. `by_key`: it is a
    program with an API key, whose id is in the place of the session's; its limits are in `grants`.
    """

    user_id: UUID
    authority: Authority
    tenant_id: UUID
    customer_id: UUID | None
    email: str
    session_id: UUID
    customer_title: str = ""
    is_public: bool = False
    grants: Grants | None = None
    by_key: bool = False

    @property
    def subjects(self) -> frozenset[UUID]:
        """Session, user, tenant and customer: whose change may change who this is."""
        return frozenset((self.session_id, self.user_id, self.tenant_id, self.customer_id or self.tenant_id))

    def actor(self, source_address: str = "") -> Actor:
        """Return who did it, for records."""
        return Actor(self.tenant_id, self.customer_id, self.user_id, self.email, source_address)


class Target(msgspec.Struct, frozen=True):
    """The thing that is asked about: its tenant, the customer that it belongs to, and its own id.

    `groups` are the stored groups that it is in; they count only where somebody has roles for groups.
    """

    resource: Resource
    tenant_id: UUID
    customer_id: UUID | None = None
    id: UUID = NULL_ID
    groups: frozenset[UUID] = frozenset()


def check(principal: Principal, operation: Operation, target: Target) -> None:
    """Return when the principal may do that to the target.

    Raises NotFound when the target belongs to a tenant out of the principal's reach, as if it did not exist;
    NotPermitted, naming operation and resource, when it may not.
    """
    reach = reach_of(principal, operation, target.resource)
    if reach is None and not may_by_group(principal, operation, target.resource):
        refuse(operation, target.resource)
    if reach is not Reach.ANYTHING and target.tenant_id != principal.tenant_id:
        raise NotFound
    if not _reaches(principal, reach, target) and not _in_group(principal, operation, target):
        refuse(operation, target.resource)


def may(principal: Principal, operation: Operation, target: Target) -> bool:
    """Tell whether `check` would let it pass."""
    try:
        check(principal, operation, target)
    except (NotFound, NotPermitted):
        return False
    return True


def check_somewhere(principal: Principal, operation: Operation, resource: Resource) -> None:
    """Return when there may be things of a kind that the principal may do that to: of its own, or of a group.

    Raises NotPermitted. Whatever passes has to be asked about with `check` once it is known.
    """
    if reach_of(principal, operation, resource) is None and not may_by_group(principal, operation, resource):
        refuse(operation, resource)


def may_all(principal: Principal, operation: Operation, resource: Resource) -> bool:
    """Tell whether the principal may do that to all of a kind: its tenant's or, for customers, its own."""
    return may(principal, operation, Target(resource, principal.tenant_id, principal.customer_id))


def may_by_group(principal: Principal, operation: Operation, resource: Resource) -> bool:
    """Tell whether group roles give the principal that operation, for things of that kind in some group."""
    return principal.grants is not None and bool(principal.grants.groups_with(operation, resource))


def refuse(operation: Operation, resource: Resource) -> NoReturn:
    """Raise NotPermitted, naming both."""
    raise NotPermitted(operation=str(operation), resource=str(resource))


def check_in_person(principal: Principal) -> None:
    """Return when somebody signed in as a person, not a program with an API key. Raises NotPermitted."""
    if principal.by_key:
        raise NotPermitted("An API key can't do this: sign in with your password, or however you do.")


def reach_of(principal: Principal, operation: Operation, resource: Resource) -> Reach | None:
    """Return how far somebody may do that to a kind of thing by what is not for groups; None: not at all."""
    if principal.is_public and operation not in _PUBLIC_MAY:
        return None
    if principal.grants is not None:
        return principal.grants.of(resource).get(operation)
    return RULES.get((principal.authority, resource), {}).get(operation)


def _reaches(principal: Principal, reach: Reach | None, target: Target) -> bool:
    if reach is Reach.OWN_CUSTOMER:
        return _owns(principal, target.customer_id)
    if reach is Reach.ITSELF:
        # Visitors of public customers have the null id, which is nobody's: they are not themselves.
        return target.id == principal.user_id and target.id != NULL_ID
    return reach is not None


def _owns(principal: Principal, customer_id: UUID | None) -> bool:
    """The one place that says which customers' things are a customer's own."""
    return principal.customer_id is not None and customer_id == principal.customer_id


def _in_group(principal: Principal, operation: Operation, target: Target) -> bool:
    """Tell whether the target is in a group whose things the principal may do that to."""
    by_group = None if principal.grants is None else principal.grants.in_groups_of(target.resource)
    if not by_group:
        return False
    everything = all_group_id(target.resource, target.customer_id or target.tenant_id)
    groups = target.groups if everything is None else (*target.groups, everything)
    return any(operation in by_group.get(it, ()) for it in groups)
