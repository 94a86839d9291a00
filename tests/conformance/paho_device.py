"""A device on Eclipse Paho's Python client: what it sends, and all that the server answers, in queues."""

import json
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Literal, NamedTuple, Self, TypeVar

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite

V31 = MQTTProtocolVersion.MQTTv31
V311 = MQTTProtocolVersion.MQTTv311
V5 = MQTTProtocolVersion.MQTTv5
KEEP_ALIVE_S = 60
Answer = TypeVar("Answer")


class Connected(NamedTuple):
    """The server's CONNACK; Paho says the reason in the words of version 5 for older ones too."""

    reason: int
    session_present: bool
    properties: dict[str, Any]


class Acknowledged(NamedTuple):
    """The PUBACK or PUBCOMP of a message; older versions have neither reason nor properties."""

    reason: int
    properties: dict[str, Any]


class Ended(NamedTuple):
    """How the connection ended; `said` when the server sent a DISCONNECT first."""

    said: bool
    reason: int
    properties: dict[str, Any]


class PahoDevice:
    """One connection of a device. Use it as a context manager; `connect` comes first."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.messages: SimpleQueue[MQTTMessage] = SimpleQueue()
        self._connected: SimpleQueue[Connected] = SimpleQueue()
        self._ended: SimpleQueue[Ended] = SimpleQueue()
        self._acknowledged: defaultdict[int, SimpleQueue[Acknowledged]] = defaultdict(SimpleQueue)
        self._granted: defaultdict[int, SimpleQueue[list[int]]] = defaultdict(SimpleQueue)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_granted
        client.on_unsubscribe = self._on_granted
        client.on_message = self._on_message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def connect(self, port: int, **options: Any) -> Connected:
        """Connect; the answer, which may be a refusal. Raises TimeoutError when none comes."""
        self.client.connect(HOST, port, **{"keepalive": KEEP_ALIVE_S} | options)
        self.client.loop_start()
        return _next(self._connected, "CONNACK")

    def publish(
        self, topic: str, body: object = None, qos: int = 1, retain: bool = False, **properties: Any
    ) -> Acknowledged:
        """Send one message and wait until it was acknowledged; QoS 0 is over when it was sent."""
        return self.acknowledged(self.send(topic, body, qos, retain, **properties))

    def send(
        self, topic: str, body: object = None, qos: int = 1, retain: bool = False, **properties: Any
    ) -> int:
        """Send one message, bytes as they are and anything else as JSON; its packet id."""
        payload = body if isinstance(body, bytes) else json.dumps(body)
        extra = packet_properties(PacketTypes.PUBLISH, properties)
        return self.client.publish(topic, payload, qos, retain, extra).mid

    def acknowledged(self, packet_id: int) -> Acknowledged:
        """The acknowledgement of a message sent. Raises TimeoutError when none comes."""
        return _next(self._acknowledged[packet_id], "acknowledgement")

    def subscribe(self, *filters: str, qos: int = 1, identifier: int | None = None) -> list[int]:
        """Subscribe; what was granted for each filter: a QoS, or a reason from 0x80 on."""
        if self.client.protocol is not V5:
            _, packet_id = self.client.subscribe([(each, qos) for each in filters])
        else:
            extra = packet_properties(
                PacketTypes.SUBSCRIBE, {"SubscriptionIdentifier": identifier} if identifier else {}
            )
            wanted = [(each, SubscribeOptions(qos)) for each in filters]
            _, packet_id = self.client.subscribe(wanted, properties=extra)
        assert packet_id is not None
        return _next(self._granted[packet_id], "SUBACK")

    def unsubscribe(self, *filters: str) -> list[int]:
        """Unsubscribe; the reasons, one for each filter in version 5 and none before."""
        _, packet_id = self.client.unsubscribe(list(filters))
        assert packet_id is not None
        return _next(self._granted[packet_id], "UNSUBACK")

    def next_message(self) -> MQTTMessage:
        """The next message of the server. Raises TimeoutError when none comes."""
        return _next(self.messages, "message")

    def ended(self) -> Ended:
        """Wait until the connection has ended. Raises TimeoutError when it stays open."""
        return _next(self._ended, "end of the connection")

    def ask(self, question: str, body: object, answer: str) -> Any:
        """Publish to one topic and return the JSON that comes on the other, its siblings subscribed to."""
        assert self.subscribe(f"{answer.rpartition('/')[0]}/+") == [1]
        assert self.publish(question, body).reason == 0
        message = self.next_message()
        assert message.topic == answer
        return json.loads(message.payload)

    def hang_up(self) -> None:
        """Close the socket without a DISCONNECT, as a lost network would."""
        connection = self.client.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)

    def _on_connect(
        self, _: Client, __: object, flags: ConnectFlags, reason: ReasonCode, extra: Properties | None
    ) -> None:
        self._connected.put(Connected(reason.value, flags.session_present, readable(extra)))

    def _on_disconnect(
        self, _: Client, __: object, flags: DisconnectFlags, reason: ReasonCode, extra: Properties | None
    ) -> None:
        said = flags.is_disconnect_packet_from_server
        self._ended.put(Ended(said, reason.value, readable(extra)))

    def _on_publish(
        self, _: Client, __: object, packet_id: int, reason: ReasonCode, extra: Properties | None
    ) -> None:
        self._acknowledged[packet_id].put(Acknowledged(reason.value, readable(extra)))

    def _on_granted(
        self, _: Client, __: object, packet_id: int, reasons: list[ReasonCode], extra: Properties | None
    ) -> None:
        self._granted[packet_id].put([reason.value for reason in reasons])

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        self.messages.put(message)


@contextmanager
def connected(
    site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion, **options: Any
) -> Iterator[PahoDevice]:
    """A device that is connected with its token; `options` as for `attempt`."""
    with attempt(site, made.token, protocol, **{"client_id": made.name} | options) as (device, answer):
        assert answer.reason == 0
        yield device


@contextmanager
def attempt(
    site: MqttSite,
    token: str | None,
    protocol: MQTTProtocolVersion,
    client_id: str = "",
    password: str | None = None,
    *,
    clean: bool = True,
    manual_ack: bool = False,
    keep_alive_s: int = KEEP_ALIVE_S,
    prepare: Callable[[Client], object] | None = None,
    transport: Literal["tcp", "websockets"] = "tcp",
    **properties: Any,
) -> Iterator[tuple[PahoDevice, Connected]]:
    """A device that has tried to connect, and the answer. `clean=False` resumes a session; `prepare` may set
    what Paho wants set before; `properties` are those of CONNECT in version 5.
    """
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if protocol is V5 else clean,
        protocol=protocol,
        transport=transport,
        reconnect_on_failure=False,
        manual_ack=manual_ack,
    )
    if token is not None:
        client.username_pw_set(token, password)
    if prepare is not None:
        prepare(client)
    options: dict[str, Any] = {"keepalive": keep_alive_s}
    if protocol is V5:
        options |= {
            "clean_start": clean,
            "properties": packet_properties(PacketTypes.CONNECT, properties),
        }
    with PahoDevice(client) as device:
        yield device, device.connect(site.port, **options)


def packet_properties(packet: int, properties: dict[str, Any]) -> Properties | None:
    """The properties as Paho wants them; None without any."""
    if not properties:
        return None
    made = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in properties.items():
        setattr(made, name, value)
    return made


def readable(properties: Properties | None) -> dict[str, Any]:
    """Values by the standard's names without spaces; user properties as a dict."""
    if properties is None:
        return {}
    found: dict[str, Any] = properties.json()  # type: ignore[no-untyped-call]
    if "UserProperty" in found:
        found["UserProperty"] = dict(found["UserProperty"])
    return found


def _next(queue: "SimpleQueue[Answer]", what: str) -> Answer:
    try:
        return queue.get(timeout=LONGEST_WAIT_S)
    except Empty:
        raise TimeoutError(f"no {what} within {LONGEST_WAIT_S} s") from None
