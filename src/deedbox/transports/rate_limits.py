"""Knows the limits of all tenants, on every transport alike; each process counts for itself.

Limits may change while devices are connected: they are read anew after a change here and every few seconds.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

from deedbox.core.device_limits import DeviceLimits, TenantLimits
from deedbox.core.errors import StorageUnavailable
from deedbox.core.gateways import Gateway
from deedbox.core.limits_in_force import LimitsInForce, in_force
from deedbox.core.rates import Kind, Whose
from deedbox.core.storage import Storage, Stores
from deedbox.core.tenant_profiles import TENANT_PROFILE_ID, ProfileLimits, profile_limits
from deedbox.transports.limit_notices import LimitNotices
from deedbox.transports.limiters import Limiter, SharedBudget, TenantBudget

#: How long another node's change of limits may stay unnoticed here.
READ_EVERY_S = 10.0
MOST_DEVICES = 100_000

__all__ = ["MOST_DEVICES", "READ_EVERY_S", "Limiter", "RateLimits"]

#: Hears whose limit of what kind refused something.
Counted = Callable[[Whose, Kind], None]

_log = logging.getLogger(__name__)


class _Stored(NamedTuple):
    """What the database says about limits: tenants' own, profiles', and who has which profile."""

    own: Mapping[UUID, TenantLimits]
    profiles: Mapping[UUID, ProfileLimits]
    profile_of: Mapping[UUID, UUID]


class RateLimits:
    """The limits of all tenants. While `is_limiting` is False there are none: nothing else need be asked."""

    def __init__(self, storage: Storage, deployment: DeviceLimits, counted: Counted) -> None:
        self._storage = storage
        self._deployment = deployment
        self._counted = counted
        self._stored = _Stored({}, {}, {})
        self._in_force: dict[UUID, LimitsInForce] = {}
        self._tenants: dict[UUID, TenantBudget] = {}
        # Those that were heard of last: a device without a session must not begin anew with each message.
        # A device behind a gateway is counted with that one's, too.
        self._limiters: OrderedDict[tuple[UUID, UUID | None], Limiter] = OrderedDict()
        #: As long as a limiter has them.
        self._budgets: WeakValueDictionary[tuple[Whose, UUID], SharedBudget] = WeakValueDictionary()
        self._reading = asyncio.Lock()
        self.notices = LimitNotices(storage)
        self.is_limiting = _limits(in_force(TenantLimits(), ProfileLimits(), deployment))

    @property
    def known_devices(self) -> int:
        """How many devices' messages are counted, of MOST_DEVICES; those heard of longest ago give way."""
        return len(self._limiters)

    def limits_of(self, tenant_id: UUID) -> LimitsInForce:
        """Return what counts for a tenant now: the same object until it is something else."""
        found = self._in_force.get(tenant_id)
        if found is None:
            found = self._in_force[tenant_id] = self._found(tenant_id)
        return found

    def note_refusal(self, tenant_id: UUID, whose: Whose, kind: Kind, subject: str) -> None:
        """Count a refusal; the tenant hears of it, now and then."""
        self._counted(whose, kind)
        self.notices.note(tenant_id, whose, kind, subject)

    async def tenant_of(self, device_id: UUID) -> UUID | None:
        """Return whose device it is, None when there is no such device."""

        async def work(stores: Stores) -> UUID | None:
            return await stores.device_limits.tenant_of_device(device_id)

        return await self._storage.look(work)

    async def limiter_of(self, device_id: UUID, *, is_new: bool = False) -> Limiter | None:
        """Return the limiter of a device, None when there is no such device.

        With `is_new` it is asked again whether the device is a gateway: it begins a session.
        """
        known = self._limiters.get((device_id, None))
        if known and not is_new:
            self._limiters.move_to_end((device_id, None))
            return known

        async def work(stores: Stores) -> Gateway | None:
            return await stores.gateways.gateway(device_id)

        device = await self._storage.look(work)
        if device is None:
            return None
        own = self._budget(Whose.GATEWAY_DEVICE if device.is_gateway else Whose.DEVICE, device_id)
        if known and known.own is not own:
            self._limiters.pop((device_id, None)).tenant.sharers -= 1
        return self._limiter(device_id, device.tenant_id, None, [own])

    def limiter_behind(self, gateway_id: UUID, device_id: UUID, tenant_id: UUID) -> Limiter:
        """Return the limiter of a device that a gateway speaks for."""
        own, shared = self._budget(Whose.DEVICE, device_id), self._budget(Whose.GATEWAY, gateway_id)
        return self._limiter(device_id, tenant_id, gateway_id, [own, shared])

    async def reload(self) -> None:
        """Read the limits of all tenants; what has changed counts from now on, for connected devices too."""

        async def work(stores: Stores) -> _Stored:
            store = stores.device_limits
            texts = await store.configurations()
            profiles = {profile_id: profile_limits(text) for profile_id, text in texts.items()}
            return _Stored(await store.all_limits(), profiles, await store.profiles_of_tenants())

        async with self._reading:
            self._stored = await self._storage.read(work)
        before, self._in_force = self._in_force, {}
        for tenant_id, limits in before.items():
            found = self._found(tenant_id)
            self._in_force[tenant_id] = limits if found == limits else found
        for tenant_id, tenant in self._tenants.items():
            if self.limits_of(tenant_id) is not tenant.limits:
                tenant.renew(self.limits_of(tenant_id))
        self.is_limiting = self._is_anybody_limited()

    async def keep_fresh(self) -> None:
        """Read the limits every few seconds and tell tenants of refusals, until cancelled."""
        while True:
            await asyncio.sleep(READ_EVERY_S)
            try:
                await self.reload()
                await self.notices.write()
            except StorageUnavailable as error:
                _log.warning("limits of tenants were not read: %s", error)

    def _found(self, tenant_id: UUID) -> LimitsInForce:
        own, profiles, profile_of = self._stored
        profile = profiles.get(profile_of.get(tenant_id, TENANT_PROFILE_ID), ProfileLimits())
        return in_force(own.get(tenant_id, TenantLimits()), profile, self._deployment)

    def _is_anybody_limited(self) -> bool:
        own, profiles, profile_of = self._stored
        others = [profiles.get(it, ProfileLimits()) for it in {TENANT_PROFILE_ID, *profile_of.values()}]
        return any(_limits(in_force(TenantLimits(), it, self._deployment)) for it in others) or any(
            _limits(self._found(tenant_id)) for tenant_id in own
        )

    def _limiter(
        self, device_id: UUID, tenant_id: UUID, gateway_id: UUID | None, parts: list[SharedBudget]
    ) -> Limiter:
        limiter = self._limiters.get((device_id, gateway_id))
        if limiter is None:
            tenant = self._tenant(tenant_id)
            tenant.sharers += 1
            limiter = Limiter(tenant, parts, device_id, self.note_refusal)
            self._limiters[device_id, gateway_id] = limiter
            if len(self._limiters) > MOST_DEVICES:
                self._limiters.popitem(last=False)[1].tenant.sharers -= 1
        return limiter

    def _budget(self, whose: Whose, owner_id: UUID) -> SharedBudget:
        budget = self._budgets.get((whose, owner_id))
        if budget is None:
            budget = self._budgets[whose, owner_id] = SharedBudget(whose)
        return budget

    def _tenant(self, tenant_id: UUID) -> TenantBudget:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = TenantBudget(tenant_id, self.limits_of(tenant_id))
        return tenant


def _limits(limits: LimitsInForce) -> bool:
    return limits != LimitsInForce()
