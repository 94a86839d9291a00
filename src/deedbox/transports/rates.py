"""The buckets of messages that count for a tenant, a device, or what is behind a gateway."""

from typing import NamedTuple

from deedbox.core.device_limits import DeviceLimits
from deedbox.core.rates import Bucket, Buckets, Kind, Whose, rates_from

#: More than any bucket has room for.
ANY = 2**62
_COUNTED = (Kind.MESSAGES, Kind.TELEMETRY_MESSAGES, Kind.TELEMETRY_DATA_POINTS)
#: Buckets that one device alone takes from.
_OWN = (Whose.DEVICE, Whose.GATEWAY_DEVICE)
#: What a device may take ahead is one part of so many: where less is allowed, every message is asked about.
_PARTS_OF_OWN, _FEWEST_PARTS_OF_SHARED, _PARTS_FOR_EACH = 64, 1_024, 16


class Budget(NamedTuple):
    """The buckets of all kinds that count for somebody."""

    messages: Buckets = ()
    telemetry_messages: Buckets = ()
    telemetry_data_points: Buckets = ()

    def joined(self, other: "Budget") -> "Budget":
        """Return a budget in which the buckets of both count."""
        return Budget(*(own + others for own, others in zip(self, other, strict=True)))


def budget_of(limits: DeviceLimits, whose: Whose) -> Budget:
    """Return full buckets for a tenant, for one of its devices, or for what is behind one of its gateways."""
    texts = ((kind, getattr(limits, f"{whose}_{kind}")) for kind in _COUNTED)
    return Budget(*(tuple(Bucket(rate, kind, whose) for rate in rates_from(text)) for kind, text in texts))


def free_room(buckets: Buckets, sharers: int, now_ms: int) -> int:
    """Return how many of a device's may pass without asking the buckets again, ANY where there are none.

    All `sharers` of a bucket together get a sixteenth of what it has.
    """
    shared = max(_FEWEST_PARTS_OF_SHARED, _PARTS_FOR_EACH * sharers)
    return min(
        (it.room(now_ms) // (_PARTS_OF_OWN if it.whose in _OWN else shared) for it in buckets), default=ANY
    )
