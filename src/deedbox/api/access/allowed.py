"""What somebody may: all of it, one operation, and why."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter

from deedbox.api.access.roles import TAGS
from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.shapes.entities import reference
from deedbox.api.shapes.groups import group_reference
from deedbox.api.shapes.roles import (
    AllowedPermissionsShape,
    ExplanationShape,
    MergedGroupPermissionShape,
    ReadGroupsShape,
    UserPermissionsShape,
)
from deedbox.core.access.explaining import explain
from deedbox.core.access.grants import Grants, default_rules
from deedbox.core.access.lookup import with_groups
from deedbox.core.access.rules import LIMITS
from deedbox.core.entities import Reference, kind_of, readable_one
from deedbox.core.errors import InvalidValue
from deedbox.core.permissions import Operation, Resource, may
from deedbox.core.storage import Stores
from deedbox.core.users import permitted_user

#: Names of ours that clients of the reference server do not know, and old ones refuse to read.
_OUR_KINDS = (Resource.SYSTEM_USER, Resource.CUSTOMER_USER, Resource.RELATION)
_OUR_OPERATIONS = (
    Operation.WRITE_LABEL, Operation.RECLAIM, Operation.ASSIGN_TO_CUSTOMER, Operation.WRITE_SHARED_ATTRIBUTES,
    Operation.READ_CLAIM_KEY, Operation.WRITE_CLAIM_KEY, Operation.WRITE_CLAIM_SETTINGS,
)  # fmt: skip
_GROUPED = (Resource.DEVICE, Resource.ASSET, Resource.USER, Resource.CUSTOMER)


@get("/api/permissions/allowedPermissions", tags=TAGS, summary="See what you may")
async def get_allowed(request: ApiRequest) -> AllowedPermissionsShape:
    """Return what your roles and groups add up to, and what there is to allow."""
    principal = await principal_of(request)
    grants = principal.grants or Grants(default_rules(principal.authority))
    limits = {resource: rules for (whose, resource), rules in LIMITS.items() if whose is principal.authority}
    by_resource = {str(it): _known(rules) for it, rules in limits.items() if it not in _OUR_KINDS}
    in_groups = sorted({name for it in _GROUPED for name in _known(limits.get(it, ()))})
    owner = reference("CUSTOMER", principal.customer_id) if principal.customer_id else None
    return AllowedPermissionsShape(
        operations_by_resource=by_resource,
        allowed_for_group_role_operations=in_groups,
        allowed_for_group_owner_only_operations=["CHANGE_OWNER", "CREATE"],
        allowed_for_group_owner_only_group_operations=["ADD_TO_GROUP", "REMOVE_FROM_GROUP"],
        allowed_resources=sorted(by_resource),
        user_permissions=_permissions(grants),
        user_owner_id=owner or reference("TENANT", principal.tenant_id),
        own_permissions={
            str(resource): {str(it): reach.name for it, reach in rules.items()}
            for resource, rules in grants.rules.items()
        },
    )


@get(
    "/api/permission/{entity_type:str}/{entity_id:str}/{operation:str}",
    tags=TAGS,
    summary="Ask whether you may do something",
)
async def ask(
    request: ApiRequest, entity_type: FromPath[str], entity_id: FromPath[UUID], operation: FromPath[str]
) -> bool:
    """Return whether you may do the operation to a thing that you may read."""
    principal, kind = await principal_of(request), kind_of(entity_type, "entityType")
    asked = _operation(operation)

    async def work(stores: Stores) -> bool:
        thing = await readable_one(stores.entities, principal, Reference(kind, entity_id))
        target = await with_groups(stores.entities, principal, asked, thing.target)
        return may(principal, asked, target)

    return await context_of(request).storage.read(work)


@get("/api/access/explain", tags=TAGS, summary="See why somebody may do something")
async def get_explanation(
    request: ApiRequest,
    operation: Annotated[str, QueryParameter(name="operation", description="As in a refusal.")],
    entity_id: Annotated[UUID, QueryParameter(name="entityId")],
    entity_type: Annotated[str, QueryParameter(name="entityType")] = "DEVICE",
    user_id: Annotated[UUID | None, QueryParameter(name="userId", description="Else you yourself.")] = None,
) -> ExplanationShape:
    """Return whether a user may do the operation to a thing, and which rule, role or group says so.

    Not in the reference server. For those who may read both, the user and the thing.
    """
    principal, kind = await principal_of(request), kind_of(entity_type, "entityType")
    asked = _operation(operation)

    async def work(stores: Stores) -> ExplanationShape:
        user = await permitted_user(stores.users, principal, Operation.READ, user_id or principal.user_id)
        thing = await readable_one(stores.entities, principal, Reference(kind, entity_id))
        found = await explain(stores.access, user, asked, thing.target)
        return ExplanationShape(
            allowed=found.allowed,
            reasons=found.reasons,
            operation=str(asked),
            resource=str(thing.target.resource),
        )

    return await context_of(request).storage.read(work)


def _operation(name: str) -> Operation:
    if name not in set(Operation):
        known = ", ".join(Operation)
        raise InvalidValue(f"There is no operation {name[:64]!r}. Expected: {known}.", "/operation")
    return Operation(name)


def _permissions(grants: Grants) -> UserPermissionsShape:
    generic = {str(it): _known(rules) for it, rules in grants.rules.items() if it not in _OUR_KINDS}
    merged = {
        group_id: MergedGroupPermissionShape(entity_type=str(kind), operations=_known(operations))
        for kind, by_group in grants.by_group.items()
        for group_id, operations in by_group.items()
    }
    return UserPermissionsShape(
        generic_permissions=generic,
        group_permissions=merged,
        read_group_permissions=_readable(grants, Operation.READ),
        read_entity_permissions=_readable(grants, Operation.READ),
        read_attr_permissions=_readable(grants, Operation.READ_ATTRIBUTES),
        read_ts_permissions=_readable(grants, Operation.READ_TELEMETRY),
    )


def _readable(grants: Grants, operation: Operation) -> dict[str, ReadGroupsShape]:
    return {
        str(kind): ReadGroupsShape(
            entity_group_ids=[group_reference(it) for it in grants.groups_with(operation, kind)],
            has_generic_read=operation in grants.of(kind),
        )
        for kind in _GROUPED
    }


def _known(operations: Iterable[Operation]) -> list[str]:
    """Return operations under the names that clients of the reference server know."""
    return sorted(str(it) for it in operations if it not in _OUR_OPERATIONS)
