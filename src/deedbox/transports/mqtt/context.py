"""What the device side over MQTT is handed by `main`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges
from deedbox.core.rpc import Exchange
from deedbox.core.storage import Storage
from deedbox.transports.activity import ActivityNotes
from deedbox.transports.certificates import CertificateLogins
from deedbox.transports.device_manners import DeviceManners
from deedbox.transports.device_messages import DeviceMessages
from deedbox.transports.gateways import GatewayMessages
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.mqtt.moving import SessionMoves, StayingSessions
from deedbox.transports.mqtt.settings import MqttSessionSettings
from deedbox.transports.provisioning import DeviceProvisioning
from deedbox.transports.rate_limits import RateLimits


def nobody_counts(_what: str, _reason: int) -> None:
    """Count nothing."""


@dataclass(frozen=True)
class MqttContext:
    """Everything behind the device side over MQTT. `clock_ms` returns epoch milliseconds."""

    storage: Storage
    keys: KeyRing
    messages: DeviceMessages
    gateways: GatewayMessages
    ingest: TelemetryIngest
    exchange: Exchange
    attribute_changes: AttributeChanges
    live: LiveChanges
    activity: ActivityNotes
    rate_limits: RateLimits
    manners: DeviceManners
    provisioning: DeviceProvisioning
    settings: MqttSessionSettings
    clock_ms: Callable[[], int]
    #: Hears what was refused ("connect", "message", "connection") and the reason code of MQTT 5.
    note_refusal: Callable[[str, int], None] = nobody_counts
    #: How sessions come from other nodes and go there.
    moves: SessionMoves = field(default_factory=StayingSessions)
    login_guesses: LoginGuesses = field(default_factory=LoginGuesses)
    #: None: nobody can show a certificate.
    certificates: CertificateLogins | None = None
