"""Shows Prometheus what waits, is open or is remembered: every queue, pool and cache on one screen."""

from collections.abc import Callable

from deedbox.api.live.attendance import Attendance
from deedbox.api.rest_limits import MOST_REMEMBERED as MOST_COUNTED
from deedbox.main.parts import Parts
from deedbox.security.authentication import MOST_TOKENS
from deedbox.security.passwords import MOST_WAITING
from deedbox.transports.activity import MOST_REMEMBERED, ActivityNotes
from deedbox.transports.coap.codes import dotted
from deedbox.transports.coap.server import CoapServer
from deedbox.transports.device_manners import MOST_DEVICES as MOST_SPEAKING
from deedbox.transports.device_manners import MOST_PROFILES
from deedbox.transports.http.application import DeviceApplication
from deedbox.transports.ingest import TelemetryIngest
from deedbox.transports.mqtt import last_words
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.server import MqttServer
from deedbox.transports.rate_limits import MOST_DEVICES


def measure_parts(parts: Parts) -> None:
    """Show the database, sign-ins and what waits for devices."""
    readings, storage, hasher = parts.metrics.readings, parts.storage, parts.hasher
    readings.queue("writes", lambda: storage.load.waiting_writes)
    readings.queue("database_connections", lambda: storage.load.waiting_for_connection)
    readings.places("database_connections", lambda: storage.load.connections, storage.load.most_connections)
    readings.connection_waits(lambda: storage.load.uses, lambda: storage.load.wait_s)
    readings.queue("passwords", lambda: hasher.waiting, MOST_WAITING)
    readings.queue("sign_ins", lambda: hasher.turns)
    readings.queue("commands", lambda: parts.exchange.calls)
    readings.cache("tokens", lambda: parts.authenticator.known_tokens, MOST_TOKENS)
    readings.cache("limited_devices", lambda: parts.rate_limits.known_devices, MOST_DEVICES)
    readings.cache("limited_tenants", lambda: parts.rest_limits.remembered, MOST_COUNTED)
    readings.cache("device_profiles", lambda: parts.device_manners.known_profiles, MOST_PROFILES)
    readings.cache("profiles_of_devices", lambda: parts.device_manners.known_devices, MOST_SPEAKING)
    readings.places("watched_devices", lambda: parts.live.watched)
    readings.places("page_streams", lambda: parts.page_streams.count, parts.settings.pages.streams)


def measure_telemetry(parts: Parts, ingest: TelemetryIngest, activity: ActivityNotes) -> None:
    """Show what devices have sent and what becomes of it."""
    metrics, journal = parts.metrics, parts.settings.journal
    ingest.stored = metrics.telemetry_messages.inc
    if (traces := parts.traces) is not None:
        ingest.ended = lambda messages, duration_s: traces.ended(
            "telemetry batch", duration_s, messages=messages
        )
    metrics.journal_messages.set_function(lambda: ingest.unmoved)
    readings = metrics.readings
    readings.queue("telemetry", lambda: ingest.batch.size, journal.most_waiting)
    readings.queue("journal", lambda: ingest.unmoved, journal.most_messages)
    readings.queue("journal_bytes", lambda: ingest.unmoved_bytes, journal.most_bytes)
    readings.queue("paused_connections", lambda: ingest.paused)
    readings.queue("activity", lambda: activity.unwritten)
    readings.cache("activity", lambda: activity.remembered, MOST_REMEMBERED)


def measure_device_sides(parts: Parts, http: DeviceApplication, mqtt: MqttServer) -> None:
    """Show the connections of devices."""
    readings, sessions = parts.metrics.readings, parts.settings.mqtt_sessions
    parts.metrics.mqtt_connections.set_function(lambda: mqtt.connection_count)
    readings.places("mqtt_connections", lambda: mqtt.connection_count, sessions.most_connections)
    readings.places("mqtt_opening", lambda: mqtt.absent_counts[0], sessions.most_opening)
    readings.places("mqtt_provisioning", lambda: mqtt.provisioning_count, sessions.most_provisioning)
    readings.places("mqtt_ending", lambda: len(mqtt.last_words), last_words.MOST)
    readings.cache("mqtt_sessions", lambda: mqtt.absent_counts[1], sessions.most_kept)
    readings.places("long_polls", lambda: http.waiting_polls, parts.settings.device_api.polls)


def measure_coap(parts: Parts, coap: CoapServer) -> None:
    """Show the peers over CoAP and what is under way with them."""
    readings, limits, endpoint = parts.metrics.readings, parts.settings.coap_peers, coap.endpoint
    readings.cache("coap_peers", lambda: coap.peers, 2 * limits.most_peers)
    readings.places("coap_observations", lambda: endpoint.observations.count)
    dtls = parts.settings.dtls
    readings.places("dtls_sessions", lambda: coap.dtls_sessions[0], dtls.most_sessions)
    readings.places("dtls_handshakes", lambda: coap.dtls_sessions[1], dtls.most_handshakes)
    readings.queue("coap_requests", lambda: endpoint.waiting, limits.most_requests)
    readings.queue("coap_block_bytes", lambda: endpoint.room.taken_bytes, limits.most_block_bytes)


def measure_sockets(parts: Parts, attendance: Attendance) -> None:
    """Show the WebSockets."""
    live = parts.settings.live
    parts.metrics.readings.places("web_sockets", lambda: attendance.count, live.sockets)
    parts.metrics.readings.queue("web_socket_bytes", lambda: attendance.pending_bytes)


def counting_coap_refusals(parts: Parts) -> Callable[[int], None]:
    """Return a function that counts what was refused by its response code."""
    counter = parts.metrics.coap_refusals
    return lambda code: counter.labels(dotted(code)).inc()


def counting_mqtt_refusals(parts: Parts) -> Callable[[str, int], None]:
    """Return a function that counts what was refused and the reason code of MQTT 5."""
    counter, names = parts.metrics.mqtt_refusals, {it.value: it.name.lower() for it in Reason}

    def count(what: str, reason: int) -> None:
        counter.labels(what, names.get(reason, "other")).inc()

    return count
