"""Who reads which tenant profiles: system administrators all, others the one that their tenant has."""

from uuid import UUID

from deedbox.api.context import ApiRequest, principal_of
from deedbox.core.permissions import Authority, Operation, Principal, Resource, Target, check
from deedbox.core.storage import Stores
from deedbox.core.tenants import tenant_of


async def readable(request: ApiRequest) -> Principal:
    """Return who asks, if they may read any profile. Raises NotPermitted."""
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.TENANT, principal.tenant_id))
    return principal


async def whose_profile(stores: Stores, principal: Principal) -> UUID | None:
    """Return the only profile that the principal may read, None for any."""
    if principal.authority is Authority.SYS_ADMIN:
        return None
    return (await tenant_of(stores.tenants, principal.tenant_id)).profile_id
