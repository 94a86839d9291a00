"""What CONNECT asks for and what CONNACK grants: names, keep-alive, expiry; and what is not offered here."""

import secrets
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from deedbox.transports.mqtt import topics
from deedbox.transports.mqtt.packets import Connect
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.mqtt.settings import PACKET_OVERHEAD_BYTES, MqttSessionSettings
from deedbox.transports.rate_limits import Limiter

_FOREVER = 2**32 - 1
_HIGHEST_WINDOW = 65_535
#: Every packet that has to be sent, whatever the client asks for, fits into it.
_SMALLEST_PACKET_BYTES = 64
_ROOM_FOR_RESPONSE_INFORMATION_BYTES = 128


class Refusal(NamedTuple):
    """Why a CONNECT is not accepted."""

    reason: Reason
    message: str


class Granted(NamedTuple):
    """What a client gets."""

    client_id: str
    expiry_s: int
    keep_alive_s: int
    window: int
    properties: Properties


def new_client_id() -> str:
    """Return an id for a client that has none."""
    return f"deedbox-{secrets.token_hex(8)}"


def refusal_of(connect: Connect) -> Refusal | None:
    """Return why a CONNECT can't be accepted, whoever sends it."""
    if connect.level == 5 and connect.properties.authentication_method:
        return Refusal(Reason.BAD_AUTHENTICATION_METHOD, "Sign in with the access token as user name.")
    if connect.level < 5 and not connect.client_id and not connect.clean_start:
        return Refusal(Reason.CLIENT_ID_NOT_VALID, "A session can't be kept without a client id.")
    if connect.level == 5 and connect.will and connect.will.retain:
        return Refusal(Reason.RETAIN_NOT_SUPPORTED, "Nothing is retained here: leave the will's flag out.")
    if 0 < (connect.properties.maximum_packet_bytes or 0) < _SMALLEST_PACKET_BYTES:
        told = f"Packets of {_SMALLEST_PACKET_BYTES} bytes must be taken, as the maximum packet size says."
        return Refusal(Reason.IMPLEMENTATION_SPECIFIC, told)
    return None


def held_to(settings: MqttSessionSettings, limiter: Limiter | None) -> MqttSessionSettings:
    """Return what of the settings a device gets whose tenant may have less."""
    limits = limiter.tenant.limits if limiter else None
    if limits is None or not (limits.inflight or limits.payload_bytes):
        return settings
    packet_bytes = limits.payload_bytes + PACKET_OVERHEAD_BYTES
    return msgspec.structs.replace(
        settings,
        most_inflight=min(settings.most_inflight, limits.inflight or settings.most_inflight),
        largest_packet_bytes=min(
            settings.largest_packet_bytes,
            packet_bytes if limits.payload_bytes else settings.largest_packet_bytes,
        ),
    )


def granted(connect: Connect, settings: MqttSessionSettings, new_id: Callable[[], str]) -> Granted:
    """Return what a client gets that asks for this."""
    client_id = connect.client_id or new_id()
    expiry_s = min(_wanted_expiry_s(connect), settings.longest_expiry_s)
    keep_alive_s = connect.keep_alive_s
    if connect.level == 5 and not 0 < keep_alive_s <= settings.longest_keep_alive_s:
        keep_alive_s = settings.longest_keep_alive_s
    window = connect.properties.receive_maximum or _HIGHEST_WINDOW
    properties = EMPTY
    if connect.level == 5:
        properties = _announced(connect, settings, client_id, expiry_s, keep_alive_s)
    return Granted(client_id, expiry_s, keep_alive_s, window, properties)


def _wanted_expiry_s(connect: Connect) -> int:
    if connect.level == 5:
        return connect.properties.session_expiry_s or 0
    return 0 if connect.clean_start else _FOREVER


def _announced(
    connect: Connect, settings: MqttSessionSettings, client_id: str, expiry_s: int, keep_alive_s: int
) -> Properties:
    """Say what is other than asked for, and what is not offered."""
    asked_expiry_s = connect.properties.session_expiry_s or 0
    return Properties(
        session_expiry_s=expiry_s if expiry_s != asked_expiry_s else None,
        receive_maximum=settings.most_inflight,
        retain_available=0,
        maximum_packet_bytes=settings.largest_packet_bytes,
        assigned_client_id=None if connect.client_id else client_id,
        topic_alias_maximum=settings.most_topic_aliases,
        response_information=_response_information(connect),
        subscription_ids_available=0,
        shared_subscriptions_available=0,
        server_keep_alive_s=keep_alive_s if keep_alive_s != connect.keep_alive_s else None,
    )


def _response_information(connect: Connect) -> str | None:
    """Return where topics for answers begin, to a client that asks (MQTT 5 §3.2.2.3.14) and has room."""
    asks = connect.properties.request_response_information
    room_bytes = connect.properties.maximum_packet_bytes or _ROOM_FOR_RESPONSE_INFORMATION_BYTES
    return topics.RPC_RESPONSE if asks and room_bytes >= _ROOM_FOR_RESPONSE_INFORMATION_BYTES else None
