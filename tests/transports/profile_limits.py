"""Lets the tenant profile of a site say something, while devices are connected."""

from typing import Any

from deedbox.core.tenant_profiles import TENANT_PROFILE_ID, TenantProfile, checked_data, profile_limits
from deedbox.storage.stores import Stores
from tests.transports.mqtt.joined import JoinedSite


async def allow(site: JoinedSite, **configuration: Any) -> None:
    """Let the first profile say this, from now on."""
    data = checked_data({"configuration": configuration})
    limits = profile_limits(data)

    async def work(stores: Stores) -> None:
        profile = TenantProfile(TENANT_PROFILE_ID, "Default", 0, is_default=True, data=data)
        await stores.tenants.put_profile(profile, (limits.devices or 0, limits.gateway_devices or 0))

    await site.sqlite.storage.write(work)
    await site.rate_limits.reload()
    await site.pass_ms(1_000)
