"""The buckets of messages that count for a tenant, a device, or what is behind a gateway."""

from typing import NamedTuple

from deedbox.core.device_limits import DeviceLimits
from deedbox.core.rates import Bucket, Buckets, Kind, Whose, rates_from

_COUNTED = (Kind.MESSAGES, Kind.TELEMETRY_MESSAGES, Kind.TELEMETRY_DATA_POINTS)


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
