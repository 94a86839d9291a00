"""aiomqtt, the asyncio client that many gateways and home servers use, as a device."""

import asyncio
import json

import aiomqtt
import pytest
from aiomqtt import Client, MqttError, ProtocolVersion

from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite

TELEMETRY = "v1/devices/me/telemetry"
ATTRIBUTES = "v1/devices/me/attributes"
CLAIM = "v1/devices/me/claim"
RPC = "v1/devices/me/rpc"

pytestmark = pytest.mark.parametrize(
    "protocol", [ProtocolVersion.V31, ProtocolVersion.V311, ProtocolVersion.V5], ids=["3.1", "3.1.1", "5"]
)


def client(site: MqttSite, made: MadeDevice, protocol: ProtocolVersion) -> Client:
    """A client that knows the device's token."""
    return Client(
        HOST, site.port, username=made.token, identifier=made.name, protocol=protocol, timeout=LONGEST_WAIT_S
    )


async def next_message(device: Client) -> aiomqtt.Message:
    """The next message. Raises TimeoutError when none comes."""
    async with asyncio.timeout(LONGEST_WAIT_S):
        return await anext(aiter(device.messages))


async def test_a_device_is_claimed(mqtt_site: MqttSite, made: MadeDevice, protocol: ProtocolVersion) -> None:
    """Announced, claimed, announced again (behaviour §2, §4)."""
    async with client(mqtt_site, made, protocol) as device:
        await device.publish(CLAIM, json.dumps({"secretKey": "value", "durationMs": 60_000}), qos=1)
        claimed = await asyncio.to_thread(mqtt_site.claim, made, "value")
        assert claimed.json()["response"] == "SUCCESS"
        await device.publish(CLAIM, json.dumps({"secretKey": "value"}), qos=1)


async def test_values_are_stored(mqtt_site: MqttSite, made: MadeDevice, protocol: ProtocolVersion) -> None:
    """All that were published at once (behaviour §2.6)."""
    async with client(mqtt_site, made, protocol) as device:
        async with asyncio.TaskGroup() as group:
            for number in range(15):
                group.create_task(device.publish(TELEMETRY, json.dumps({f"k{number}": number}), qos=1))
            group.create_task(device.publish(ATTRIBUTES, json.dumps({"firmware": "1.2.3"}), qos=2))
        names = [f"k{number}" for number in range(15)]
        assert mqtt_site.latest(made, *names) == {name: int(name[1:]) for name in names}
        assert mqtt_site.attributes(made, "CLIENT_SCOPE") == {"firmware": "1.2.3"}


async def test_attributes_are_asked_for_and_pushed(
    mqtt_site: MqttSite, made: MadeDevice, protocol: ProtocolVersion
) -> None:
    """See thingsboard §3.3"""
    mqtt_site.share(made, interval=5)
    async with client(mqtt_site, made, protocol) as device:
        await device.subscribe([(ATTRIBUTES, 1), (f"{ATTRIBUTES}/response/+", 1)])
        await device.publish(f"{ATTRIBUTES}/request/1", json.dumps({"sharedKeys": "interval"}), qos=1)
        answer = await next_message(device)
        assert answer.topic.value == f"{ATTRIBUTES}/response/1"
        assert json.loads(answer.payload) == {"shared": {"interval": 5}}
        await asyncio.to_thread(mqtt_site.share, made, interval=6)
        pushed = await next_message(device)
        assert (pushed.topic.value, json.loads(pushed.payload)) == (ATTRIBUTES, {"interval": 6})


async def test_commands_are_answered(
    mqtt_site: MqttSite, made: MadeDevice, protocol: ProtocolVersion
) -> None:
    """See thingsboard §3.3, §6.7"""
    async with client(mqtt_site, made, protocol) as device:
        await device.subscribe(f"{RPC}/request/+", qos=1)
        answered = mqtt_site.command(made, "setLamp", {"on": True})
        request = await next_message(device)
        number = request.topic.value.rpartition("/")[2]
        await device.publish(f"{RPC}/response/{number}", json.dumps({"lamp": "on"}), qos=1)
        assert (await asyncio.wrap_future(answered)).json() == {"lamp": "on"}


async def test_a_wrong_token_is_said(
    mqtt_site: MqttSite, made: MadeDevice, protocol: ProtocolVersion
) -> None:
    """See thingsboard §2.2"""
    stranger = made._replace(token="nobodys-token")
    with pytest.raises(MqttError, match=r"[Nn]ot authorized|[Bb]ad user"):
        async with client(mqtt_site, stranger, protocol):
            pass
