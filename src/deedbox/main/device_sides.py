"""Wires the device side: one way in for telemetry and one view of the core, shared by all transports."""

import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from OpenSSL import SSL

from deedbox.core.windows import Announced
from deedbox.main.measuring import (
    counting_coap_refusals,
    counting_mqtt_refusals,
    measure_coap,
    measure_device_sides,
    measure_telemetry,
)
from deedbox.main.parts import Parts
from deedbox.transports.activity import ActivityNotes
from deedbox.transports.certificates import CertificateLogins
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.dtls import DtlsEncryption
from deedbox.transports.coap.server import CoapServer
from deedbox.transports.coap.settings import DtlsSettings
from deedbox.transports.device_messages import DeviceMessages
from deedbox.transports.gateways import GatewayMessages
from deedbox.transports.http.application import DeviceApplication, device_application
from deedbox.transports.http.context import DeviceContext
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.server import MqttServer
from deedbox.transports.mqtt.web_sockets import MqttWebSockets
from deedbox.transports.provisioning import DeviceProvisioning


@dataclass(frozen=True)
class DeviceSides:
    """Where devices come in, and what all ways in share."""

    http: DeviceApplication
    mqtt: MqttServer
    mqtt_web_sockets: MqttWebSockets
    coap: CoapServer
    activity: ActivityNotes
    messages: DeviceMessages
    dtls: DtlsSettings
    certificates: CertificateLogins
    guesses: LoginGuesses

    def listen_to_coaps(self, sockets: Iterable[socket.socket], context: SSL.Context) -> None:
        """Take CoAP over DTLS from these sockets from now on."""
        encryption = DtlsEncryption(context, self.certificates, self.dtls, self.guesses)
        self.coap.listen_encrypted(sockets, encryption)


@asynccontextmanager
async def opened_device_sides(
    parts: Parts, trusted: Sequence[bytes] | None = None
) -> AsyncIterator[DeviceSides]:
    """Open the device side; at the end all that devices were promised is stored.

    `trusted`: whose signature certificates of devices need (DER), None for nobody's.
    """
    settings = parts.settings
    ingest = TelemetryIngest(parts.storage, settings.values, parts.live, settings.journal)
    await ingest.open()
    parts.storage.settle_by(ingest.settle)
    activity = ActivityNotes(parts.storage)
    measure_telemetry(parts, ingest, activity)
    messages = DeviceMessages(
        parts.storage, parts.keys, settings.claim, settings.values, parts.live, _counted(parts)
    )
    guesses = LoginGuesses(settings.device_logins)
    certificates = CertificateLogins(parts.storage, parts.keys, _provisioning(parts), parts.live, trusted)
    mqtt = mqtt_side(parts, activity, messages, ingest, guesses, certificates)
    sides = DeviceSides(
        http=_http_side(parts, activity, messages, ingest, guesses),
        mqtt=mqtt,
        mqtt_web_sockets=MqttWebSockets(mqtt),
        coap=_coap_side(parts, activity, messages, ingest),
        activity=activity,
        messages=messages,
        dtls=settings.dtls,
        certificates=certificates,
        guesses=guesses,
    )
    measure_device_sides(parts, sides.http, sides.mqtt)
    measure_coap(parts, sides.coap)
    try:
        yield sides
    finally:
        await sides.mqtt.close()
        sides.http.end_polls()
        sides.coap.stop_reading()
        await ingest.close()
        await sides.coap.close()
        await activity.close()


def _counted(parts: Parts) -> Callable[[Announced], None]:
    counter = parts.metrics.announcements
    accepted = counter.labels("accepted")  # looked up once: nearly all are

    def count(announced: Announced) -> None:
        (counter.labels(announced.refused) if announced.refused else accepted).inc()

    return count


def _http_side(
    parts: Parts,
    activity: ActivityNotes,
    messages: DeviceMessages,
    ingest: TelemetryIngest,
    guesses: LoginGuesses,
) -> DeviceApplication:
    return device_application(
        DeviceContext(
            storage=parts.storage,
            keys=parts.keys,
            messages=messages,
            ingest=ingest,
            activity=activity,
            exchange=parts.exchange,
            attribute_changes=parts.attribute_changes,
            rate_limits=parts.rate_limits,
            provisioning=_provisioning(parts),
            settings=parts.settings.device_api,
            login_guesses=guesses,
            clock_ms=parts.storage.now_ms,
        )
    )


def _coap_side(
    parts: Parts, activity: ActivityNotes, messages: DeviceMessages, ingest: TelemetryIngest
) -> CoapServer:
    return CoapServer(
        CoapContext(
            storage=parts.storage,
            keys=parts.keys,
            messages=messages,
            ingest=ingest,
            exchange=parts.exchange,
            attribute_changes=parts.attribute_changes,
            live=parts.live,
            activity=activity,
            rate_limits=parts.rate_limits,
            manners=parts.device_manners,
            provisioning=_provisioning(parts),
            settings=parts.settings.coap_peers,
            clock_ms=parts.storage.now_ms,
            # Not those of the others: anybody's address can be written on a datagram.
            login_guesses=LoginGuesses(parts.settings.device_logins),
            note_refusal=counting_coap_refusals(parts),
        )
    )


def _gateways(parts: Parts) -> GatewayMessages:
    settings = parts.settings
    return GatewayMessages(
        parts.storage, parts.keys, settings.claim, settings.gateways, parts.live, _counted(parts)
    )


def _provisioning(parts: Parts) -> DeviceProvisioning:
    counter = parts.metrics.provisionings
    return DeviceProvisioning(
        parts.storage, parts.keys, parts.settings.provisioning, lambda answer: counter.labels(answer).inc()
    )


def mqtt_side(
    parts: Parts,
    activity: ActivityNotes,
    messages: DeviceMessages,
    ingest: TelemetryIngest,
    guesses: LoginGuesses,
    certificates: CertificateLogins | None = None,
) -> MqttServer:
    """Return the server for devices over MQTT."""
    return MqttServer(
        MqttContext(
            storage=parts.storage,
            keys=parts.keys,
            messages=messages,
            gateways=_gateways(parts),
            ingest=ingest,
            exchange=parts.exchange,
            attribute_changes=parts.attribute_changes,
            live=parts.live,
            activity=activity,
            rate_limits=parts.rate_limits,
            manners=parts.device_manners,
            provisioning=_provisioning(parts),
            settings=parts.settings.mqtt_sessions,
            clock_ms=parts.storage.now_ms,
            note_refusal=counting_mqtt_refusals(parts),
            moves=parts.session_moves,
            login_guesses=guesses,
            certificates=certificates,
        )
    )
