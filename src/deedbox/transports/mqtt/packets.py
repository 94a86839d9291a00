"""The packets of MQTT as values, the same for all versions; what a version lacks keeps its default."""

import msgspec

from deedbox.transports.mqtt.properties import EMPTY, Properties


class Will(msgspec.Struct, frozen=True, gc=False):
    """What is published for a client that goes without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = EMPTY


class Connect(msgspec.Struct, frozen=True, gc=False):
    """Opens a session. `level` is 3 (MQTT 3.1), 4 (3.1.1) or 5; a keep-alive of 0 is none."""

    level: int
    clean_start: bool = True
    keep_alive_s: int = 0
    client_id: str = ""
    will: Will | None = None
    username: str | None = None
    password: bytes | None = None
    properties: Properties = EMPTY


class ConnAck(msgspec.Struct, frozen=True, gc=False):
    """Answers CONNECT. `reason` is as on the wire: a ConnectCode before MQTT 5, then a Reason."""

    session_present: bool = False
    reason: int = 0
    properties: Properties = EMPTY


class Publish(msgspec.Struct, frozen=True, gc=False):
    """A message. `packet_id` is 0 with QoS 0; the topic may be empty where properties hold an alias."""

    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    duplicate: bool = False
    properties: Properties = EMPTY


class PubAck(msgspec.Struct, frozen=True, gc=False):
    """Answers a message with QoS 1."""

    packet_id: int
    reason: int = 0
    properties: Properties = EMPTY


class PubRec(msgspec.Struct, frozen=True, gc=False):
    """Answers a message with QoS 2: first of three steps."""

    packet_id: int
    reason: int = 0
    properties: Properties = EMPTY


class PubRel(msgspec.Struct, frozen=True, gc=False):
    """Answers PUBREC: second of three steps."""

    packet_id: int
    reason: int = 0
    properties: Properties = EMPTY


class PubComp(msgspec.Struct, frozen=True, gc=False):
    """Answers PUBREL: last of three steps."""

    packet_id: int
    reason: int = 0
    properties: Properties = EMPTY


class Subscription(msgspec.Struct, frozen=True, gc=False):
    """One filter of SUBSCRIBE; all but the QoS belongs to MQTT 5."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


class Subscribe(msgspec.Struct, frozen=True, gc=False):
    """Asks for messages; at least one subscription."""

    packet_id: int
    subscriptions: list[Subscription]
    properties: Properties = EMPTY


class SubAck(msgspec.Struct, frozen=True, gc=False):
    """Answers SUBSCRIBE: one reason per subscription, which is its QoS or at least 0x80."""

    packet_id: int
    reasons: list[int]
    properties: Properties = EMPTY


class Unsubscribe(msgspec.Struct, frozen=True, gc=False):
    """Ends subscriptions; at least one filter."""

    packet_id: int
    filters: list[str]
    properties: Properties = EMPTY


class UnsubAck(msgspec.Struct, frozen=True, gc=False):
    """Answers UNSUBSCRIBE: one reason per filter, none at all before MQTT 5."""

    packet_id: int
    reasons: list[int] = []
    properties: Properties = EMPTY


class PingReq(msgspec.Struct, frozen=True, gc=False):
    """Keeps the connection alive."""


class PingResp(msgspec.Struct, frozen=True, gc=False):
    """Answers PINGREQ."""


class Disconnect(msgspec.Struct, frozen=True, gc=False):
    """Says good-bye. Before MQTT 5 only a client does, without a reason."""

    reason: int = 0
    properties: Properties = EMPTY


class Auth(msgspec.Struct, frozen=True, gc=False):
    """One step of an extended authentication (MQTT 5)."""

    reason: int = 0
    properties: Properties = EMPTY


Acknowledgement = PubAck | PubRec | PubRel | PubComp
Packet = (
    Connect
    | ConnAck
    | Publish
    | PubAck
    | PubRec
    | PubRel
    | PubComp
    | Subscribe
    | SubAck
    | Unsubscribe
    | UnsubAck
    | PingReq
    | PingResp
    | Disconnect
    | Auth
)
