"""What holds one device to the limits of its tenant: buckets of its own, of its gateway, of its tenant."""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn
from uuid import UUID

from deedbox.core.errors import LimitReached, PayloadTooLarge, TooManyMessages
from deedbox.core.limits_in_force import LimitsInForce
from deedbox.core.rates import Buckets, Hindrance, Kind, Whose, take
from deedbox.transports.rates import Budget, budget_of, free_room

#: For how long a device may go on without asking.
AHEAD_FOR_MS = 1_000
_WORDS = {
    Kind.MESSAGES: "messages",
    Kind.TELEMETRY_MESSAGES: "telemetry messages",
    Kind.TELEMETRY_DATA_POINTS: "values in telemetry",
}
_WHO = {
    Whose.TENANT: "All devices of this tenant together",
    Whose.DEVICE: "This device",
    Whose.GATEWAY: "All devices behind this gateway together",
    Whose.GATEWAY_DEVICE: "This gateway",
}

#: Hears of a refusal: the tenant, whose limit, of what kind, and the id of the device.
Refused = Callable[[UUID, Whose, Kind, str], None]


class SharedBudget:
    """Buckets that messages of one device, or of several, are counted in."""

    __slots__ = ("__weakref__", "_fits", "buckets", "whose")

    def __init__(self, whose: Whose) -> None:
        self.whose = whose
        self.buckets = Budget()
        self._fits: LimitsInForce | None = None

    def fit(self, limits: LimitsInForce) -> None:
        """Go on with other limits, from full buckets; the same limits change nothing."""
        if self._fits is not limits:
            self._fits, self.buckets = limits, budget_of(limits, self.whose)


class TenantBudget:
    """What a tenant's devices share; `limits` is replaced, never changed, when they are others."""

    __slots__ = ("connected", "id", "limits", "most_payload_bytes", "shared", "sharers")

    def __init__(self, tenant_id: UUID, limits: LimitsInForce) -> None:
        self.id = tenant_id
        self.shared = SharedBudget(Whose.TENANT)
        #: Who holds a connection of this tenant.
        self.connected: set[object] = set()
        #: How many limiters were made for its devices.
        self.sharers = 0
        self.renew(limits)

    def renew(self, limits: LimitsInForce) -> None:
        """Go on with other limits, from full buckets."""
        self.limits = limits
        self.most_payload_bytes = limits.payload_bytes or sys.maxsize
        self.shared.fit(limits)


class Ahead:
    """What a device may send without asking its buckets, since a moment, and what it has sent of that."""

    __slots__ = ("free_points", "free_telemetry", "points", "since_ms", "telemetry")

    def __init__(self) -> None:
        self.free_telemetry = self.free_points = self.telemetry = self.points = self.since_ms = 0

    def begin(self, free_telemetry: int, free_points: int, now_ms: int) -> None:
        """Let the device send so much more."""
        self.free_telemetry, self.free_points, self.since_ms = free_telemetry, free_points, now_ms

    def charge(self, per_message: Buckets, per_point: Buckets) -> None:
        """Have the buckets count what was sent, as of the moment since when it was free; none is any more."""
        if self.telemetry or self.points:
            for bucket in per_message:
                bucket.charge(self.telemetry, self.since_ms)
            for bucket in per_point:
                bucket.charge(self.points, self.since_ms)
        self.free_telemetry = self.free_points = self.telemetry = self.points = 0


class Limiter:
    """Decides about messages of one device; `now_ms` is any clock in milliseconds, always the same one.

    A message that is refused costs nothing. Buckets are not asked about each message: where they have room
    for many, the device takes some ahead, and they are charged for what it took when they are asked next.
    """

    __slots__ = ("_ahead", "_budget", "_device_id", "_fits", "_parts", "_refused", "tenant")

    def __init__(
        self, tenant: TenantBudget, parts: Sequence[SharedBudget], device_id: UUID, refused: Refused
    ) -> None:
        self.tenant = tenant
        self._parts = (*parts, tenant.shared)
        self._device_id = device_id
        self._refused = refused
        self._fits: LimitsInForce | None = None
        self._budget = Budget()
        self._ahead = Ahead()

    @property
    def own(self) -> SharedBudget:
        """The buckets of the device alone."""
        return self._parts[0]

    def allows_message(self, now_ms: int) -> bool:
        """Count a message that is not telemetry; tell whether it may pass."""
        return self._take_message(now_ms) is None

    def allows_telemetry(self, messages: int, points: int, now_ms: int) -> bool:
        """Count telemetry, so many values in so many messages; tell whether all of it may pass."""
        try:
            self.check_telemetry(messages, points, now_ms)
        except (TooManyMessages, PayloadTooLarge):
            return False
        return True

    def check_message(self, now_ms: int) -> None:
        """Do as `allows_message`. Raises TooManyMessages."""
        hindrance = self._take_message(now_ms)
        if hindrance:
            _refuse(hindrance)

    def check_telemetry(self, messages: int, points: int, now_ms: int) -> None:
        """Do as `allows_telemetry`. Raises TooManyMessages; PayloadTooLarge for what could never pass."""
        ahead = self._ahead
        taken, taken_points = ahead.telemetry + messages, ahead.points + points
        if (
            taken <= ahead.free_telemetry
            and taken_points <= ahead.free_points
            and 0 <= now_ms - ahead.since_ms < AHEAD_FOR_MS
            and self._fits is self.tenant.limits
        ):
            ahead.telemetry, ahead.points = taken, taken_points
            return
        hindrance = self._take_telemetry(messages, points, now_ms)
        if hindrance:
            _refuse(hindrance)

    def check_payload(self, size_bytes: int) -> None:
        """Refuse a message that is longer than the tenant's may be. Raises PayloadTooLarge."""
        most = self.tenant.most_payload_bytes
        if size_bytes > most:
            self._note(Whose.TENANT, Kind.PAYLOAD_BYTES)
            raise PayloadTooLarge(
                f"Messages of this tenant's devices may have {most} bytes, and this one has {size_bytes}. "
                "Divide it."
            )

    def connect(self, holder: object) -> None:
        """Count a connection until `disconnect`. Raises LimitReached."""
        tenant, most = self.tenant, self.tenant.limits.tenant_connections
        if most and len(tenant.connected) >= most and holder not in tenant.connected:
            self._note(Whose.TENANT, Kind.CONNECTIONS)
            raise LimitReached(f"The devices of this tenant may have {most} connections. Come back later.")
        tenant.connected.add(holder)

    def stay_connected(self, holder: object) -> None:
        """Count a connection that is there already, however many there are."""
        self.tenant.connected.add(holder)

    def disconnect(self, holder: object) -> None:
        """Count a connection no more."""
        self.tenant.connected.discard(holder)

    def _take_message(self, now_ms: int) -> Hindrance | None:
        self._settle()
        hindrance = take(self._budget.messages, 1, (), 0, now_ms)
        return hindrance and self._noted(hindrance)

    def _take_telemetry(self, messages: int, points: int, now_ms: int) -> Hindrance | None:
        self._settle()
        _, per_message, per_point = self._budget
        hindrance = take(per_message, messages, per_point, points, now_ms)
        if hindrance:
            return self._noted(hindrance)
        sharers = self.tenant.sharers
        self._ahead.begin(
            free_room(per_message, sharers, now_ms), free_room(per_point, sharers, now_ms), now_ms
        )
        return None

    def _settle(self) -> None:
        """Charge the buckets for what was taken ahead; other limits begin anew, with full buckets."""
        _, per_message, per_point = self._budget
        self._ahead.charge(per_message, per_point)
        if self._fits is not self.tenant.limits:
            self._fit()

    def _fit(self) -> None:
        self._fits = self.tenant.limits
        self._budget = Budget()
        for part in self._parts:
            part.fit(self._fits)
            self._budget = self._budget.joined(part.buckets)

    def _noted(self, hindrance: Hindrance) -> Hindrance:
        self._note(hindrance.bucket.whose, hindrance.bucket.kind)
        return hindrance

    def _note(self, whose: Whose, kind: Kind) -> None:
        self._refused(self.tenant.id, whose, kind, str(self._device_id))


def _refuse(hindrance: Hindrance) -> NoReturn:
    rate, kind, whose = hindrance.bucket.rate, hindrance.bucket.kind, hindrance.bucket.whose
    limit = f"{rate.count} {_WORDS[kind]} in {rate.duration_ms // 1000} s"
    if hindrance.wait_ms is None:
        raise PayloadTooLarge(
            f"{_WHO[whose]} may send {limit}, and there are more in this message. Divide it."
        )
    raise TooManyMessages(f"{_WHO[whose]} may send {limit}. Wait, then send again.", hindrance.wait_ms)
