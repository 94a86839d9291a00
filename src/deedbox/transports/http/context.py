"""What the device side over HTTP is handed by `main`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.keys import KeyRing
from deedbox.core.rpc import Exchange
from deedbox.core.storage import Storage
from deedbox.transports.activity import ActivityNotes
from deedbox.transports.device_messages import DeviceMessages
from deedbox.transports.http.settings import DeviceApiSettings
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.provisioning import DeviceProvisioning
from deedbox.transports.rate_limits import RateLimits


@dataclass(frozen=True)
class DeviceContext:
    """Everything behind the device side. `clock_ms` returns epoch milliseconds."""

    storage: Storage
    keys: KeyRing
    messages: DeviceMessages
    ingest: TelemetryIngest
    activity: ActivityNotes
    exchange: Exchange
    attribute_changes: AttributeChanges
    rate_limits: RateLimits
    provisioning: DeviceProvisioning
    clock_ms: Callable[[], int]
    settings: DeviceApiSettings = field(default_factory=DeviceApiSettings)
    login_guesses: LoginGuesses = field(default_factory=LoginGuesses)
