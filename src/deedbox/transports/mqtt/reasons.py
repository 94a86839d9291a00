"""Why something was answered or ended: the reason codes of MQTT 5 and the codes of CONNACK before it."""

from collections.abc import Mapping
from enum import IntEnum

from deedbox.core import errors
from deedbox.transports.mqtt.packet_types import PacketType


class Reason(IntEnum):
    """A reason code of MQTT 5. From 0x80 on it tells of a failure."""

    SUCCESS = 0x00
    GRANTED_QOS_1 = 0x01
    GRANTED_QOS_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    REAUTHENTICATE = 0x19
    UNSPECIFIED_ERROR = 0x80
    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION_SPECIFIC = 0x83
    UNSUPPORTED_PROTOCOL_VERSION = 0x84
    CLIENT_ID_NOT_VALID = 0x85
    BAD_USERNAME_OR_PASSWORD = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_INVALID = 0x8F
    TOPIC_NAME_INVALID = 0x90
    PACKET_ID_IN_USE = 0x91
    PACKET_ID_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    MESSAGE_RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    PAYLOAD_FORMAT_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    MAXIMUM_CONNECT_TIME = 0xA0
    SUBSCRIPTION_IDS_NOT_SUPPORTED = 0xA1
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2


class ConnectCode(IntEnum):
    """What CONNACK says in MQTT 3.1 and 3.1.1."""

    ACCEPTED = 0
    UNACCEPTABLE_PROTOCOL_VERSION = 1
    IDENTIFIER_REJECTED = 2
    SERVER_UNAVAILABLE = 3
    BAD_USERNAME_OR_PASSWORD = 4
    NOT_AUTHORIZED = 5


#: A failed subscription in SUBACK of MQTT 3.1.1, whatever the reason.
SUBSCRIPTION_FAILED = 0x80

#: Reason -> what CONNACK says before MQTT 5. A reason without a row is told by closing the connection.
CONNECT_CODES: Mapping[int, ConnectCode] = {
    Reason.SUCCESS: ConnectCode.ACCEPTED,
    Reason.UNSUPPORTED_PROTOCOL_VERSION: ConnectCode.UNACCEPTABLE_PROTOCOL_VERSION,
    Reason.CLIENT_ID_NOT_VALID: ConnectCode.IDENTIFIER_REJECTED,
    Reason.SERVER_UNAVAILABLE: ConnectCode.SERVER_UNAVAILABLE,
    Reason.SERVER_BUSY: ConnectCode.SERVER_UNAVAILABLE,
    Reason.SERVER_SHUTTING_DOWN: ConnectCode.SERVER_UNAVAILABLE,
    Reason.QUOTA_EXCEEDED: ConnectCode.SERVER_UNAVAILABLE,
    Reason.USE_ANOTHER_SERVER: ConnectCode.SERVER_UNAVAILABLE,
    Reason.SERVER_MOVED: ConnectCode.SERVER_UNAVAILABLE,
    Reason.CONNECTION_RATE_EXCEEDED: ConnectCode.SERVER_UNAVAILABLE,
    # As the reference server answers.
    Reason.BAD_USERNAME_OR_PASSWORD: ConnectCode.NOT_AUTHORIZED,
    Reason.NOT_AUTHORIZED: ConnectCode.NOT_AUTHORIZED,
    Reason.BANNED: ConnectCode.NOT_AUTHORIZED,
}

#: Refusal -> the reason that a device is told. A test fails when a refusal has no row.
REFUSALS: Mapping[type[errors.Refusal], Reason] = {
    errors.NotSignedIn: Reason.NOT_AUTHORIZED,
    errors.WrongPassword: Reason.NOT_AUTHORIZED,
    errors.AccountNotActive: Reason.NOT_AUTHORIZED,
    errors.TokenExpired: Reason.NOT_AUTHORIZED,
    errors.NotFound: Reason.NOT_AUTHORIZED,  # of the device side, only the device itself can be gone
    errors.NotPermitted: Reason.NOT_AUTHORIZED,
    errors.InvalidValue: Reason.PAYLOAD_FORMAT_INVALID,
    errors.InvalidValues: Reason.PAYLOAD_FORMAT_INVALID,
    errors.NameTaken: Reason.PAYLOAD_FORMAT_INVALID,
    errors.VersionConflict: Reason.IMPLEMENTATION_SPECIFIC,
    errors.TooManyAttempts: Reason.QUOTA_EXCEEDED,
    errors.TooManyMessages: Reason.QUOTA_EXCEEDED,
    errors.LimitReached: Reason.QUOTA_EXCEEDED,
    errors.TooBusy: Reason.IMPLEMENTATION_SPECIFIC,
    errors.PayloadTooLarge: Reason.QUOTA_EXCEEDED,
    errors.DeviceOffline: Reason.IMPLEMENTATION_SPECIFIC,
    errors.StorageUnavailable: Reason.IMPLEMENTATION_SPECIFIC,
}


def reason_of(refusal: errors.Refusal) -> Reason:
    """Return the reason that a device is told for a refusal."""
    return REFUSALS[type(refusal)]


def connack_reason(reason: int) -> int:
    """Return what CONNACK says for a reason that it may not have itself."""
    return reason if reason in REASONS_OF[PacketType.CONNACK] else Reason.SERVER_UNAVAILABLE


_PUBLISHED = frozenset([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
_RELEASED = frozenset([0x00, 0x92])

#: Packet -> the reasons that it may carry in MQTT 5.
REASONS_OF: Mapping[int, frozenset[int]] = {
    PacketType.CONNACK: frozenset(
        [0x00, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F]
    ),
    PacketType.PUBACK: _PUBLISHED,
    PacketType.PUBREC: _PUBLISHED,
    PacketType.PUBREL: _RELEASED,
    PacketType.PUBCOMP: _RELEASED,
    PacketType.SUBACK: frozenset([0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2]),
    PacketType.UNSUBACK: frozenset([0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]),
    PacketType.DISCONNECT: frozenset(
        [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, *range(0x93, 0xA3)]
    ),
    PacketType.AUTH: frozenset([0x00, 0x18, 0x19]),
}
