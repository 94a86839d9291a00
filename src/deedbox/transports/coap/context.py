"""What the device side over CoAP is handed by `main`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges
from deedbox.core.rpc import Exchange
from deedbox.core.storage import Storage
from deedbox.transports.activity import ActivityNotes
from deedbox.transports.coap.settings import CoapPeerSettings
from deedbox.transports.device_manners import DeviceManners
from deedbox.transports.device_messages import DeviceMessages
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.provisioning import DeviceProvisioning
from deedbox.transports.rate_limits import RateLimits


def nobody_counts(_code: int) -> None:
    """Count nothing."""


@dataclass(frozen=True)
class CoapContext:
    """Everything behind the device side over CoAP. `clock_ms` returns epoch milliseconds."""

    storage: Storage
    keys: KeyRing
    messages: DeviceMessages
    ingest: TelemetryIngest
    exchange: Exchange
    attribute_changes: AttributeChanges
    live: LiveChanges
    activity: ActivityNotes
    rate_limits: RateLimits
    manners: DeviceManners
    provisioning: DeviceProvisioning
    clock_ms: Callable[[], int]
    settings: CoapPeerSettings = field(default_factory=CoapPeerSettings)
    #: Not those of other transports: whoever sends datagrams may name anybody's address as theirs.
    login_guesses: LoginGuesses = field(default_factory=LoginGuesses)
    #: Hears the response code of every refusal.
    note_refusal: Callable[[int], None] = nobody_counts
