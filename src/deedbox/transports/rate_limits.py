"""Holds devices to the limits of their tenant, on every transport alike; each process counts for itself.

Limits may change while devices are connected: they are read anew after a change here and every few seconds.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NoReturn
from uuid import UUID

from deedbox.core.device_limits import DeviceLimits, TenantLimits, in_force
from deedbox.core.errors import PayloadTooLarge, StorageUnavailable, TooManyMessages
from deedbox.core.storage import Storage, Stores
from deedbox.transports.rates import Budget, Hindrance, Kind, Whose, budget_of, take

#: How long another node's change of limits may stay unnoticed here.
READ_EVERY_S = 10.0
MOST_DEVICES = 100_000
_UNLIMITED = DeviceLimits()
_WORDS = {
    Kind.MESSAGES: "messages",
    Kind.TELEMETRY_MESSAGES: "telemetry messages",
    Kind.TELEMETRY_DATA_POINTS: "values in telemetry",
}
_WHO = {Whose.TENANT: "All devices of this tenant together", Whose.DEVICE: "This device"}

#: Hears whose limit of what kind refused a message.
Refused = Callable[[Whose, Kind], None]

_log = logging.getLogger(__name__)


class TenantBudget:
    """What a tenant's devices share; `limits` is replaced, never changed, when they are others."""

    __slots__ = ("limits", "shared")

    def __init__(self, limits: DeviceLimits) -> None:
        self.renew(limits)

    def renew(self, limits: DeviceLimits) -> None:
        """Go on with other limits, from full buckets."""
        self.limits = limits
        self.shared = budget_of(limits, Whose.TENANT)


class Limiter:
    """Decides about messages of one device; `now_ms` is any clock in milliseconds, always the same one.

    A message that is refused costs nothing.
    """

    __slots__ = ("_budget", "_fits", "_refused", "_tenant")

    def __init__(self, tenant: TenantBudget, refused: Refused) -> None:
        self._tenant = tenant
        self._refused = refused
        self._fits: DeviceLimits | None = None
        self._budget = Budget()

    def allows_message(self, now_ms: int) -> bool:
        """Count a message that is not telemetry; tell whether it may pass."""
        return self._take_message(now_ms) is None

    def allows_telemetry(self, messages: int, points: int, now_ms: int) -> bool:
        """Count telemetry, so many values in so many messages; tell whether all of it may pass."""
        return self._take_telemetry(messages, points, now_ms) is None

    def check_message(self, now_ms: int) -> None:
        """Do as `allows_message`. Raises TooManyMessages."""
        hindrance = self._take_message(now_ms)
        if hindrance:
            _refuse(hindrance)

    def check_telemetry(self, messages: int, points: int, now_ms: int) -> None:
        """Do as `allows_telemetry`. Raises TooManyMessages; PayloadTooLarge for what could never pass."""
        hindrance = self._take_telemetry(messages, points, now_ms)
        if hindrance:
            _refuse(hindrance)

    def _take_message(self, now_ms: int) -> Hindrance | None:
        if self._fits is not self._tenant.limits:
            self._fit()
        hindrance = take(self._budget.messages, 1, (), 0, now_ms)
        return hindrance and self._noted(hindrance)

    def _take_telemetry(self, messages: int, points: int, now_ms: int) -> Hindrance | None:
        if self._fits is not self._tenant.limits:
            self._fit()
        _, per_message, per_point = self._budget
        hindrance = take(per_message, messages, per_point, points, now_ms)
        return hindrance and self._noted(hindrance)

    def _fit(self) -> None:
        self._fits = self._tenant.limits
        self._budget = budget_of(self._fits, Whose.DEVICE).joined(self._tenant.shared)

    def _noted(self, hindrance: Hindrance) -> Hindrance:
        self._refused(hindrance.bucket.whose, hindrance.bucket.kind)
        return hindrance


class RateLimits:
    """The limits of all tenants. While `is_limiting` is False there are none: nothing else need be asked."""

    def __init__(self, storage: Storage, deployment: DeviceLimits, refused: Refused) -> None:
        self._storage = storage
        self._deployment = deployment
        self._refused = refused
        self._own: Mapping[UUID, TenantLimits] = {}
        self._tenants: dict[UUID, TenantBudget] = {}
        # Those that were heard of last: a device without a session must not begin anew with each message.
        self._limiters: OrderedDict[UUID, Limiter] = OrderedDict()
        self._reading = asyncio.Lock()
        self.is_limiting = deployment != _UNLIMITED

    @property
    def known_devices(self) -> int:
        """How many devices' messages are counted, of MOST_DEVICES; those heard of longest ago give way."""
        return len(self._limiters)

    def limits_of(self, tenant_id: UUID) -> DeviceLimits:
        """Return what counts for a tenant now."""
        return in_force(self._own.get(tenant_id, TenantLimits()), self._deployment)

    async def tenant_of(self, device_id: UUID) -> UUID | None:
        """Return whose device it is, None when there is no such device."""

        async def work(stores: Stores) -> UUID | None:
            return await stores.device_limits.tenant_of_device(device_id)

        return await self._storage.look(work)

    async def limiter_of(self, device_id: UUID) -> Limiter | None:
        """Return the limiter of a device, None when there is no such device."""
        known = self._limiters.get(device_id)
        if known:
            self._limiters.move_to_end(device_id)
            return known
        tenant_id = await self.tenant_of(device_id)
        return self.limiter(device_id, tenant_id) if tenant_id else None

    def limiter(self, device_id: UUID, tenant_id: UUID) -> Limiter:
        """Return the limiter of a device whose tenant is known; a session may keep it."""
        limiter = self._limiters.get(device_id)
        if limiter is None:
            limiter = self._limiters[device_id] = Limiter(self._tenant(tenant_id), self._refused)
            if len(self._limiters) > MOST_DEVICES:
                self._limiters.popitem(last=False)
        return limiter

    async def reload(self) -> None:
        """Read the limits of all tenants; what has changed counts from now on, for connected devices too."""

        async def work(stores: Stores) -> Mapping[UUID, TenantLimits]:
            return await stores.device_limits.all_limits()

        async with self._reading:
            self._own = await self._storage.read(work)
        for tenant_id, tenant in self._tenants.items():
            limits = self.limits_of(tenant_id)
            if limits != tenant.limits:
                tenant.renew(limits)
        lifted = all(in_force(it, self._deployment) == _UNLIMITED for it in self._own.values())
        self.is_limiting = self._deployment != _UNLIMITED or not lifted

    async def keep_fresh(self) -> None:
        """Read the limits every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(READ_EVERY_S)
            try:
                await self.reload()
            except StorageUnavailable as error:
                _log.warning("limits of tenants were not read: %s", error)

    def _tenant(self, tenant_id: UUID) -> TenantBudget:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            tenant = self._tenants[tenant_id] = TenantBudget(self.limits_of(tenant_id))
        return tenant


def _refuse(hindrance: Hindrance) -> NoReturn:
    rate, kind, whose = hindrance.bucket.rate, hindrance.bucket.kind, hindrance.bucket.whose
    limit = f"{rate.count} {_WORDS[kind]} in {rate.duration_ms // 1000} s"
    if hindrance.wait_ms is None:
        raise PayloadTooLarge(
            f"{_WHO[whose]} may send {limit}, and there are more in this message. Divide it."
        )
    raise TooManyMessages(f"{_WHO[whose]} may send {limit}. Wait, then send again.", hindrance.wait_ms)
