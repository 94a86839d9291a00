"""What gateways say over MQTT: devices come and go, measure, report and ask; one acknowledgement for all."""

from typing import Any

import msgspec
import pytest

from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.gateway_site import (
    ATTRIBUTES,
    CLAIM,
    CONNECT,
    DISCONNECT,
    REQUEST,
    RESPONSE,
    TELEMETRY,
    GatewaySite,
    acknowledged,
    told,
)

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
A_MOMENT = 1_483_228_800_000


@LEVELS
async def test_a_device_that_connects_is_made(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3.1, §3.2: profile by its type, a relation, and which gateway it came by."""
    gateway = await gateway_site.connected(level)
    assert acknowledged(await gateway.publish(CONNECT, {"device": "A", "type": "lamp"})).reason == 0
    assert acknowledged(await gateway.publish(CONNECT, {"device": "B"})).reason == 0
    made = await gateway_site.made("A")
    assert (made.type, (await gateway_site.made("B")).type, made.customer_id) == ("lamp", "default", None)
    assert msgspec.json.decode(made.additional_info) == {"lastConnectedGateway": str(gateway_site.gateway.id)}
    assert await gateway_site.relation_types(made) == ["Created"]


async def test_a_made_device_has_credentials_of_its_own(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    made = await gateway_site.made("A")
    found = await gateway_site.joined.look(lambda stores: stores.credentials.credentials_of([made.id]))
    assert set(found) == {made.id}


@LEVELS
async def test_telemetry_of_many_devices(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3.2: arrays of measurements with and without a moment, stored before the one PUBACK."""
    gateway = await gateway_site.connected(level)
    body = {"A": [{"ts": A_MOMENT, "values": {"t": 42}}], "B": [{"t": 1}, {"u": True}], "C": {"t": 3.5}}
    assert acknowledged(await gateway.publish(TELEMETRY, body)).reason == 0
    seen = [await gateway_site.values(name) for name in "ABC"]
    assert seen == [{"t": 42}, {"t": 1, "u": True}, {"t": 3.5}]


async def test_telemetry_that_is_lenient_json(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    assert acknowledged(await gateway.publish(TELEMETRY, b"{A: [{t: 42}]}")).reason == 0
    assert await gateway_site.values("A") == {"t": 42}


async def test_what_is_no_array_is_left_out(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.2."""
    gateway = await gateway_site.connected(4)
    assert acknowledged(await gateway.publish(TELEMETRY, {"A": None, "B": [{"t": 1}]})).reason == 0
    assert await gateway_site.values("B") == {"t": 1}
    assert await gateway_site.device("A") is None


@pytest.mark.parametrize("body", [b"[", [], {}, {"A": 5}, {"A": None}, b"{{"])
@pytest.mark.parametrize("topic", [TELEMETRY, ATTRIBUTES, CLAIM])
@pytest.mark.parametrize("level", [4, 5])
async def test_a_message_of_which_nothing_is_good(
    gateway_site: GatewaySite, level: int, topic: str, body: Any
) -> None:
    """Behaviour §2.5: 0x99 and the connection stays; before MQTT 5 it is closed."""
    gateway = await gateway_site.connected(level)
    got = await gateway.publish(topic, body)
    if level == 5:
        assert acknowledged(got).reason == Reason.PAYLOAD_FORMAT_INVALID
        assert gateway.ended() is None
    else:
        assert (got, gateway.ended()) == ([], -1)


@pytest.mark.parametrize("level", [4, 5])
async def test_a_bad_entry_costs_itself_only(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3.1: the other devices in the same message are still processed."""
    gateway = await gateway_site.connected(level)
    got = await gateway.publish(TELEMETRY, {"A": [{"ts": "soon", "values": {"t": 1}}], "B": [{"t": 2}]})
    assert await gateway_site.values("B") == {"t": 2}
    assert gateway.ended() == (None if level == 5 else -1)
    if level == 5:
        assert acknowledged(got).reason == Reason.PAYLOAD_FORMAT_INVALID
        assert told(got) == {"accepted": 1, "refused": {"A": "bad_payload"}}


async def test_names_that_no_device_can_have(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    got = await gateway.publish(ATTRIBUTES, {"x" * 256: {"a": 1}, "A": {"a": 1}})
    assert acknowledged(got).reason == Reason.PAYLOAD_FORMAT_INVALID
    assert list(told(got)["refused"].values()) == ["bad_name"]
    assert await gateway_site.reported("A") == {"a": 1}


@LEVELS
async def test_attributes_of_many_devices(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3.2."""
    gateway = await gateway_site.connected(level)
    body = {"A": {"firmware": "1.2.3", "slots": {"free": 2}}, "B": {"firmware": "1.2.4"}}
    assert acknowledged(await gateway.publish(ATTRIBUTES, body)).reason == 0
    assert [await gateway_site.reported(name) for name in "AB"] == [body["A"], body["B"]]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"client": True, "key": "a"}, {"value": 1}),
        ({"client": True, "key": "unknown"}, {}),
        ({"client": True, "keys": ["a", "b"]}, {"values": {"a": 1, "b": "x"}}),
        ({"client": True, "keys": ["a"]}, {"values": {"a": 1}}),
        ({"client": False, "keys": ["a"]}, {"values": {}}),
        ({"keys": "a,b", "client": True}, {"values": {"a": 1, "b": "x"}}),
        ({"client": ["a"], "shared": ["c"]}, {"client": {"a": 1}}),
    ],
)
async def test_attributes_that_are_asked_for(gateway_site: GatewaySite, asked: Any, answer: Any) -> None:
    """Thingsboard §3.2: the form of the SDK, the one with a single key, and the newest one."""
    gateway = await gateway_site.connected()
    await gateway.publish(ATTRIBUTES, {"A": {"a": 1, "b": "x"}})
    await gateway.publish(REQUEST, {"id": 7, "device": "A", **asked})
    assert gateway.told == [(RESPONSE, {"id": 7, "device": "A", **answer})]


@pytest.mark.parametrize("body", [{}, {"id": 1, "device": "A"}, {"device": "A", "keys": ["a"]}, b"[]"])
async def test_a_request_that_can_not_be_understood(gateway_site: GatewaySite, body: Any) -> None:
    gateway = await gateway_site.connected()
    assert acknowledged(await gateway.publish(REQUEST, body)).reason == Reason.PAYLOAD_FORMAT_INVALID


@LEVELS
async def test_a_device_that_is_no_gateway(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3: `additionalInfo.gateway` makes a gateway, and nothing else."""
    gateway_site.mark(gateway_site.gateway, False)
    device = await gateway_site.connected(level)
    got = await device.publish(TELEMETRY, {"A": [{"t": 1}]})
    assert acknowledged(got).reason == (Reason.NOT_AUTHORIZED if level == 5 else 0)
    assert await gateway_site.device("A") is None


async def test_a_gateway_that_is_one_no_more(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    assert acknowledged(await gateway.publish(TELEMETRY, {"A": [{"t": 1}]})).reason == 0
    gateway_site.mark(gateway_site.gateway, False)
    await gateway_site.joined.pass_ms(10_000)
    assert acknowledged(await gateway.publish(TELEMETRY, {"A": [{"t": 2}]})).reason == Reason.NOT_AUTHORIZED
    assert await gateway_site.values("A") == {"t": 1}


async def test_activity_is_that_of_the_device(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    await gateway.publish(TELEMETRY, {"A": [{"t": 1}]})
    await gateway_site.joined.activity.close()
    made = await gateway_site.made("A")
    assert await gateway_site.joined.last_activity_at(made.id) == gateway_site.joined.sqlite.now_ms


async def test_devices_that_leave_come_back(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    assert acknowledged(await gateway.publish(DISCONNECT, {"device": "A"})).reason == 0
    assert acknowledged(await gateway.publish(DISCONNECT, {"device": "never-heard-of"})).reason == 0
    assert await gateway_site.device("never-heard-of") is None
    assert acknowledged(await gateway.publish(TELEMETRY, {"A": [{"t": 1}]})).reason == 0


async def test_a_full_disk(gateway_site: GatewaySite) -> None:
    """Behaviour §2.6: nothing is acknowledged that is not stored."""
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    await gateway_site.joined.fill_disk()
    got = await gateway.publish(TELEMETRY, {"A": [{"text": "x" * 50_000}]})
    await gateway_site.joined.free_disk()
    assert acknowledged(got).reason == Reason.IMPLEMENTATION_SPECIFIC
    assert await gateway_site.values("A") == {}
