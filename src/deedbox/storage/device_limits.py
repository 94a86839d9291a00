"""Limits of tenants as rows: one per tenant that has limits of its own; others are in profiles."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from deedbox.core.device_limits import TenantLimits
from deedbox.core.tenant_profiles import TENANT_PROFILE_ID
from deedbox.storage.records import RecordStore


class DeviceLimitStore(RecordStore):
    """Limits inside a transaction."""

    async def limits_of(self, tenant_id: UUID) -> TenantLimits:
        """Return the tenant's own limits; for a tenant without a row none are set."""
        found = await self.transaction.structs("limits_of_tenant", TenantLimits, tenant_id=tenant_id)
        return found[0] if found else TenantLimits()

    async def all_limits(self) -> Mapping[UUID, TenantLimits]:
        """Return the limits of all tenants that have some of their own."""
        rows = await self.transaction.rows("limits_of_all_tenants")
        return {UUID(bytes=row[0]): TenantLimits(*row[1:]) for row in rows}

    async def configurations(self) -> Mapping[UUID, str]:
        """Return the configurations of all tenant profiles, as JSON texts, by their ids."""
        rows = await self.transaction.rows("tenant_profile_configurations")
        return {UUID(bytes=row[0]): str(row[1]) for row in rows}

    async def profiles_of_tenants(self) -> Mapping[UUID, UUID]:
        """Return the profiles of tenants that have another one than the first, by the tenants' ids."""
        rows = await self.transaction.rows("tenants_with_other_profiles", first_id=TENANT_PROFILE_ID)
        return {UUID(bytes=row[0]): UUID(bytes=row[1]) for row in rows}

    async def put_limits(self, tenant_id: UUID, limits: TenantLimits) -> None:
        """Store a tenant's limits in the place of those it had."""
        await self.transaction.run("put_limits", tenant_id=tenant_id, **msgspec.structs.asdict(limits))

    async def tenant_of_device(self, device_id: UUID) -> UUID | None:
        """Return whose device it is, None when there is no such device."""
        rows = await self.transaction.rows("tenant_of_device", device_id=device_id)
        return UUID(bytes=rows[0][0]) if rows else None
