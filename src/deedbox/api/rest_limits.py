"""Holds people to the limits of their tenant: requests over REST, of all its people and of each customer's.

Each process counts for itself, in memory. System administrators are not counted.
"""

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from deedbox.core.errors import TooManyMessages
from deedbox.core.limits_in_force import LimitsSource
from deedbox.core.permissions import Authority, Principal
from deedbox.core.rates import Bucket, Buckets, Hindrance, Kind, Whose, rates_from, take

#: Tenants and customers of which requests are counted; those heard of longest ago give way.
MOST_REMEMBERED = 100_000


class RestLimits:
    """Counts requests; `now_ms` is any clock in milliseconds."""

    def __init__(self, source: LimitsSource, now_ms: Callable[[], int]) -> None:
        self._source = source
        self._now_ms = now_ms
        self._buckets: OrderedDict[UUID, tuple[str, Buckets]] = OrderedDict()

    @property
    def remembered(self) -> int:
        """How many tenants and customers are counted now, of MOST_REMEMBERED."""
        return len(self._buckets)

    def count(self, principal: Principal) -> None:
        """Count a request of somebody. Raises TooManyMessages."""
        if principal.authority is Authority.SYS_ADMIN:
            return
        limits = self._source.limits_of(principal.tenant_id)
        if not (limits.tenant_requests or limits.customer_requests):
            return
        buckets = self._of(principal.tenant_id, limits.tenant_requests, Whose.TENANT)
        if principal.customer_id is not None:
            buckets += self._of(principal.customer_id, limits.customer_requests, Whose.CUSTOMER)
        hindrance = take(buckets, 1, (), 0, self._now_ms())
        if hindrance:
            self._refuse(principal, hindrance)

    def _of(self, owner_id: UUID, limit: str, whose: Whose) -> Buckets:
        known = self._buckets.get(owner_id)
        if known is None or known[0] != limit:
            rates = rates_from(limit)
            known = limit, tuple(Bucket(rate, Kind.REQUESTS, whose) for rate in rates)
            self._buckets[owner_id] = known
            if len(self._buckets) > MOST_REMEMBERED:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(owner_id)
        return known[1]

    def _refuse(self, principal: Principal, hindrance: Hindrance) -> None:
        bucket = hindrance.bucket
        self._source.note_refusal(principal.tenant_id, bucket.whose, bucket.kind, str(principal.user_id))
        limit = f"{bucket.rate.count} in {bucket.rate.duration_ms // 1000} s"
        raise TooManyMessages(
            f"Too many requests for current {bucket.whose}! There may be {limit}. Wait, then ask again.",
            hindrance.wait_ms or 0,
        )
