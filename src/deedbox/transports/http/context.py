"""What the device side over HTTP is handed by `main`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.rpc import Exchange
from deedbox.core.storage import Storage
from deedbox.core.value_limits import ValueLimits
from deedbox.core.windows import Announced
from deedbox.transports.http.settings import DeviceApiSettings
from deedbox.transports.rate_limits import RateLimits


def system_clock_ms() -> int:
    """Return the machine's clock in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _ignore(_: Announced) -> None:
    pass


@dataclass(frozen=True)
class DeviceContext:
    """Everything behind the device side; `announced` hears of every stored announcement (for metrics)."""

    storage: Storage
    keys: KeyRing
    policy: ClaimPolicy
    exchange: Exchange
    attribute_changes: AttributeChanges
    live: LiveChanges
    rate_limits: RateLimits
    settings: DeviceApiSettings = field(default_factory=DeviceApiSettings)
    value_limits: ValueLimits = field(default_factory=ValueLimits)
    clock_ms: Callable[[], int] = system_clock_ms
    announced: Callable[[Announced], None] = _ignore
