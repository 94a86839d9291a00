"""Sessions that outlive connections, wills, keep-alives and takeovers, as Paho's client sees them."""

import json
import socket
import struct
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from tests import worker_nodes
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite, wait_until
from tests.conformance.paho_device import (
    V5,
    V31,
    V311,
    Connected,
    PahoDevice,
    attempt,
    connected,
    packet_properties,
)

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
COMMANDS = "v1/devices/me/rpc/request/+"
DAY_S = 86_400
TAKEN_OVER = 0x8E

every_version = pytest.mark.parametrize("protocol", [V31, V311, V5], ids=["3.1", "3.1.1", "5"])


def lasting(protocol: MQTTProtocolVersion) -> dict[str, Any]:
    """What a client says that wants its session kept."""
    return {"clean": False} | ({"SessionExpiryInterval": DAY_S} if protocol is V5 else {})


def is_resumed(protocol: MQTTProtocolVersion, answer: Connected) -> bool:
    """Tell whether the session went on, as far as the server says: MQTT 3.1 has no word for it."""
    return answer.reason == 0 and (answer.session_present or protocol is V31)


def answer_command(device: PahoDevice, reply: object) -> str:
    """Answer the command that comes next; its method."""
    request = device.next_message()
    number = request.topic.rpartition("/")[2]
    assert device.publish(f"v1/devices/me/rpc/response/{number}", reply).reason == 0
    method: str = json.loads(request.payload)["method"]
    return method


@every_version
def test_a_command_waits_for_a_session_that_is_away(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """The subscription is still there when the device comes back, and so is the command (ux §6.4)."""
    with attempt(mqtt_site, made.token, protocol, made.name, **lasting(protocol)) as (device, answer):
        assert (answer.reason, answer.session_present) == (0, False)
        assert device.subscribe(COMMANDS) == [1]
    answered = mqtt_site.command(made, "setLamp", {"on": True})
    with attempt(mqtt_site, made.token, protocol, made.name, **lasting(protocol)) as (device, answer):
        assert is_resumed(protocol, answer)
        assert answer_command(device, {"lamp": "on"}) == "setLamp"
    assert answered.result().json() == {"lamp": "on"}


@every_version
def test_changes_wait_for_a_session_that_is_away(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """What shared attributes are now, once, however often they changed meanwhile (ux §6.4)."""
    with attempt(mqtt_site, made.token, protocol, made.name, **lasting(protocol)) as (device, _):
        assert device.subscribe(ATTRIBUTES) == [1]
    for interval in (5, 6, 7):
        mqtt_site.share(made, interval=interval)
    with attempt(mqtt_site, made.token, protocol, made.name, **lasting(protocol)) as (device, answer):
        assert is_resumed(protocol, answer)
        assert json.loads(device.next_message().payload) == {"interval": 7}


@every_version
def test_a_clean_start_forgets(mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion) -> None:
    """Neither the session nor its subscriptions are there afterwards (ux §6.4)."""
    with attempt(mqtt_site, made.token, protocol, made.name, **lasting(protocol)) as (device, _):
        assert device.subscribe(ATTRIBUTES, f"{ATTRIBUTES}/response/+") == [1, 1]
    with attempt(mqtt_site, made.token, protocol, made.name) as (device, answer):
        assert not answer.session_present
        assert device.subscribe(f"{ATTRIBUTES}/response/+") == [1]
        mqtt_site.share(made, interval=5)
        assert device.publish(f"{ATTRIBUTES}/request/1", {"sharedKeys": "interval"}).reason == 0
        assert device.next_message().topic == f"{ATTRIBUTES}/response/1"
    with attempt(mqtt_site, made.token, protocol, made.name, **lasting(protocol)) as (_, answer):
        assert not answer.session_present


@every_version
def test_what_was_not_acknowledged_comes_again(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Marked as a duplicate, with the same packet id; once it is acknowledged, never again (ux §6.4)."""
    kept = lasting(protocol) | {"manual_ack": True}
    with attempt(mqtt_site, made.token, protocol, made.name, **kept) as (device, _):
        assert device.subscribe(COMMANDS) == [1]
        answered = mqtt_site.command(made, "setLamp", {"on": True})
        first = device.next_message()
        assert (first.qos, first.dup) == (1, False)
        device.hang_up()
        device.ended()
    with attempt(mqtt_site, made.token, protocol, made.name, **kept) as (device, answer):
        assert is_resumed(protocol, answer)
        second = device.next_message()
        assert (second.topic, second.payload) == (first.topic, first.payload)
        assert (second.mid, second.dup) == (first.mid, True)
        device.client.ack(second.mid, second.qos)
        number = second.topic.rpartition("/")[2]
        assert device.publish(f"v1/devices/me/rpc/response/{number}", {"lamp": "on"}).reason == 0
        assert answered.result().json() == {"lamp": "on"}
        device.hang_up()
        device.ended()
    with attempt(mqtt_site, made.token, protocol, made.name, **kept) as (device, _):
        assert device.subscribe(f"{ATTRIBUTES}/response/+") == [1]
        assert device.publish(f"{ATTRIBUTES}/request/1", {"sharedKeys": "x"}).reason == 0
        assert device.next_message().topic == f"{ATTRIBUTES}/response/1"


def test_a_session_ends_with_its_expiry(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """Without an expiry, or with one of 0 in the DISCONNECT, it ends with the connection (ux §6.4)."""
    with attempt(mqtt_site, made.token, V5, made.name, clean=False) as (device, _):
        assert device.subscribe(COMMANDS) == [1]
    with attempt(mqtt_site, made.token, V5, made.name, **lasting(V5)) as (device, answer):
        assert not answer.session_present
        assert device.subscribe(COMMANDS) == [1]
        device.client.disconnect(
            properties=packet_properties(PacketTypes.DISCONNECT, {"SessionExpiryInterval": 0})
        )
        device.ended()
    with attempt(mqtt_site, made.token, V5, made.name, **lasting(V5)) as (_, answer):
        assert not answer.session_present


@every_version
def test_a_second_connection_takes_over(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """One client id, one connection: the newer one (ux §6.4)."""
    with connected(mqtt_site, made, protocol) as first, connected(mqtt_site, made, protocol) as second:
        ended = first.ended()
        if protocol is V5:
            assert (ended.said, ended.reason) == (True, TAKEN_OVER)
        assert second.publish(TELEMETRY, {"level": 1}).reason == 0


@every_version
def test_devices_do_not_take_over_each_other(mqtt_site: MqttSite, protocol: MQTTProtocolVersion) -> None:
    """Client ids are a device's own: whole series of firmware use the same (ux §6.4)."""
    made, other = mqtt_site.new_device(), mqtt_site.new_device()
    with (
        connected(mqtt_site, made, protocol, client_id="lamp") as first,
        connected(mqtt_site, other, protocol, client_id="lamp") as second,
    ):
        assert first.subscribe(ATTRIBUTES) == second.subscribe(ATTRIBUTES) == [1]
        mqtt_site.share(other, interval=2)
        mqtt_site.share(made, interval=1)
        assert json.loads(second.next_message().payload) == {"interval": 2}
        assert json.loads(first.next_message().payload) == {"interval": 1}


@every_version
def test_a_will_is_stored_when_a_connection_breaks(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """As if the device had sent it (ux §6.4)."""

    def leave_a_will(client: Client) -> None:
        client.will_set(TELEMETRY, '{"online":false}', qos=1)

    with connected(mqtt_site, made, protocol, prepare=leave_a_will) as device:
        assert device.publish(TELEMETRY, {"online": True}).reason == 0
        device.hang_up()
        device.ended()
    wait_until(lambda: mqtt_site.latest(made, "online") == {"online": False}, "the will")


@every_version
def test_a_will_is_forgotten_when_a_device_takes_its_leave(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """A DISCONNECT is no accident (ux §6.4)."""

    def leave_a_will(client: Client) -> None:
        client.will_set(TELEMETRY, '{"online":false}', qos=1)

    with connected(mqtt_site, made, protocol, prepare=leave_a_will) as device:
        assert device.publish(TELEMETRY, {"online": True}).reason == 0
    with connected(mqtt_site, made, protocol) as device:
        assert device.publish(TELEMETRY, {"level": 1}).reason == 0
    assert mqtt_site.latest(made, "online") == {"online": True}


def test_a_will_for_nobody_is_no_reason_to_stay_out(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """Firmware that was written for a broker has such ones; the will is dropped (thingsboard §2.2)."""

    def leave_a_will(client: Client) -> None:
        client.will_set("home/lamp", '{"online":false}', qos=1)

    with connected(mqtt_site, made, V5, prepare=leave_a_will) as device:
        device.hang_up()
        device.ended()
    with connected(mqtt_site, made, V5) as device:
        assert device.publish(TELEMETRY, {"level": 1}).reason == 0


@every_version
def test_silence_ends_a_connection(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Nothing for one and a half keep-alives: the server hangs up, and says so in version 5 (ux §6.4)."""
    # Paho would ping by itself, so its connection is written by hand here.
    with socket.create_connection((HOST, mqtt_site.port), LONGEST_WAIT_S) as connection:
        connection.sendall(connect_packet(protocol, made, keep_alive_s=1))
        received = b""
        while data := connection.recv(4_096):
            received += data
    assert received[0] == 0x20
    answers = received[2 + received[1] :]
    if protocol is V5:
        assert answers[0] == 0xE0
        assert answers[2] == 0x8D
    else:
        assert answers == b""


def connect_packet(protocol: MQTTProtocolVersion, made: MadeDevice, keep_alive_s: int) -> bytes:
    """A CONNECT with the device's token, and nothing else, as the standards write it."""

    def text(value: str) -> bytes:
        return struct.pack("!H", len(value.encode())) + value.encode()

    name = "MQIsdp" if protocol is V31 else "MQTT"
    body = text(name) + bytes([protocol, 0x82]) + struct.pack("!H", keep_alive_s)
    body += (b"\0" if protocol is V5 else b"") + text(made.name) + text(made.token)
    return bytes([0x10, len(body)]) + body


@pytest.mark.parametrize("keep_alive_s", [0, 65_535])
def test_a_keep_alive_has_an_end(mqtt_site: MqttSite, made: MadeDevice, keep_alive_s: int) -> None:
    """Who wants none is told which one holds; who wants a short one is not (ux §6.4)."""
    with attempt(mqtt_site, made.token, V5, made.name, keep_alive_s=keep_alive_s) as (_, answer):
        assert 0 < answer.properties["ServerKeepAlive"] < 65_535
    with attempt(mqtt_site, made.token, V5, made.name, keep_alive_s=60) as (_, answer):
        assert "ServerKeepAlive" not in answer.properties


@pytest.mark.parametrize("protocol", [V311, V5], ids=["3.1.1", "5"])
def test_a_client_may_leave_its_name_to_the_server(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """In version 5 it learns which one it got (ux §6.4)."""
    with (
        connected(mqtt_site, made, protocol, client_id="") as device,
        attempt(mqtt_site, made.token, protocol, client_id="") as (second, answer),
    ):
        if protocol is V5:
            assert answer.properties["AssignedClientIdentifier"]
        assert device.publish(TELEMETRY, {"level": 1}).reason == 0
        assert second.publish(TELEMETRY, {"level": 2}).reason == 0


def test_an_assigned_name_can_be_used_again(mqtt_site: MqttSite, made: MadeDevice) -> None:
    """It is the name of the session (ux §6.4)."""
    with attempt(mqtt_site, made.token, V5, client_id="", SessionExpiryInterval=DAY_S) as (_, answer):
        name = answer.properties["AssignedClientIdentifier"]
    with attempt(mqtt_site, made.token, V5, client_id=name, **lasting(V5)) as (_, answer):
        assert answer.session_present
        assert "AssignedClientIdentifier" not in answer.properties


@pytest.mark.parametrize(
    ("connect", "answer"),
    [
        (b"\x10\x0c\x00\x04MQTT\x06\x02\x00\x3c\x00\x00", b"\x20"),
        (b"\x10\x0c\x00\x04MQTT\x03\x02\x00\x3c\x00\x00", b"\x20\x02\x00\x01"),
        (b"\x10\x0c\x00\x04LAMP\x04\x02\x00\x3c\x00\x00", b"\x20\x02\x00\x01"),
        (b"\x30\x03\x00\x01a", b""),
        (b"GET / HTTP/1.1\r\n\r\n", b""),
    ],
    ids=["newer version", "no such version", "other protocol", "no CONNECT", "not MQTT"],
)
def test_strangers_are_turned_away(mqtt_site: MqttSite, connect: bytes, answer: bytes) -> None:
    """With an answer where the standard has one (ux §6.4)."""
    with socket.create_connection((HOST, mqtt_site.port), LONGEST_WAIT_S) as connection:
        connection.sendall(connect)
        received = b""
        while data := connection.recv(4_096):
            received += data
    assert received[: len(answer) or None] == answer


@every_version
def test_a_second_connect_ends_the_connection(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """See ux §6.4"""
    with socket.create_connection((HOST, mqtt_site.port), LONGEST_WAIT_S) as connection:
        connection.sendall(connect_packet(protocol, made, keep_alive_s=60) * 2)
        received = b""
        while data := connection.recv(4_096):
            received += data
    answers = received[2 + received[1] :]
    assert answers[:1] + answers[2:3] == (b"\xe0\x82" if protocol is V5 else b"")


@every_version
def test_a_replaced_token_ends_the_connection(
    mqtt_site: MqttSite, made: MadeDevice, protocol: MQTTProtocolVersion
) -> None:
    """Who has the old one is a stranger from then on (behaviour §5.5)."""
    with connected(mqtt_site, made, protocol) as device:
        mqtt_site.set_mqtt_credentials(made, {"clientId": made.name, "userName": "somebody"})
        if worker_nodes.COUNT == 1:  # another node hears of it some milliseconds later
            device.send(TELEMETRY, {"level": 1})
        device.ended()
    assert mqtt_site.latest(made, "level") == {}
