"""What is pushed to a gateway for its devices: commands, changes of shared attributes; and when it ends."""

import asyncio
from typing import Any

import msgspec
import pytest

from deedbox.core.attributes import NewAttribute, Scope, Writer, write
from deedbox.core.device_limits import DeviceLimits
from deedbox.core.rpc import Command, End, Outcome
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ACME
from deedbox.transports.mqtt.packets import PubAck, Publish
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.device_site import PATIENCE_MS
from tests.transports.mqtt.gateway_site import (
    ATTRIBUTES,
    CLAIM,
    CONNECT,
    DISCONNECT,
    FILTERS,
    RPC,
    TELEMETRY,
    GatewaySite,
    acknowledged,
)
from tests.transports.mqtt.joined import ANSWERS, ME, Client

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])


async def call(site: GatewaySite, name: str, *, one_way: bool = False) -> "asyncio.Task[Outcome]":
    """Send a command to a device; what is returned ends with it."""
    state = await site.state(name)
    command = Command(state.device.id, state.epoch, "blink", {"times": 3}, one_way)
    calling = site.joined.beside(site.joined.exchange.call(command, PATIENCE_MS))
    await site.joined.settled()
    return calling


async def share(site: GatewaySite, name: str, **values: Any) -> None:
    """Write shared attributes of a device and tell whoever serves it."""
    device_id = (await site.made(name)).id

    async def work(stores: Stores) -> None:
        rows = [
            NewAttribute(device_id, Scope.SHARED_SCOPE, key, Writer.TENANT, value, 1)
            for key, value in values.items()
        ]
        await write(stores.attributes, rows)

    await site.joined.sqlite.storage.write(work)
    site.joined.changes.tell(device_id, list(values))
    await site.joined.settled()


async def taken(gateway: Client) -> list[tuple[str, Any]]:
    """Acknowledge what came, and return it."""
    got = gateway.told
    gateway.send(*(PubAck(it.packet_id) for it in gateway.of(Publish) if it.qos))
    await gateway.site.settled()
    return got


@LEVELS
async def test_a_command_and_its_reply(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3.2."""
    gateway = await gateway_site.connected(level)
    await gateway.publish(CONNECT, {"device": "A"})
    gateway.got.clear()
    calling = await call(gateway_site, "A")
    ((topic, message),) = gateway.told
    assert (topic, message["device"]) == (RPC, "A")
    assert message["data"] == {"id": message["data"]["id"], "method": "blink", "params": {"times": 3}}
    reply = {"device": "A", "id": message["data"]["id"], "data": {"blinked": 3}}
    assert acknowledged(await gateway.publish(RPC, reply)).reason == 0
    assert await calling == Outcome(End.REPLIED, b'{"blinked":3}')


async def test_a_one_way_command_ends_when_the_gateway_has_it(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    calling = await call(gateway_site, "A", one_way=True)
    assert not calling.done()
    assert len(await taken(gateway)) == 1
    assert (await calling).end is End.DELIVERED


async def test_any_message_brings_a_device_in(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.2: it need not connect first."""
    gateway = await gateway_site.connected()
    await gateway.publish(TELEMETRY, {"A": [{"t": 1}]})
    await call(gateway_site, "A")
    assert [it[0] for it in gateway.told] == [RPC]


async def test_a_gateway_that_subscribes_late(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected(filters=(DISCONNECT,))
    await gateway.publish(CONNECT, {"device": "A"})
    await call(gateway_site, "A")
    assert gateway.told == []
    await gateway.subscribe(*FILTERS)
    assert [it[0] for it in gateway.told] == [RPC]


@pytest.mark.parametrize("end", ["disconnect", "hang up"])
async def test_a_device_that_has_gone_gets_nothing(gateway_site: GatewaySite, end: str) -> None:
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    gateway.got.clear()
    if end == "disconnect":
        await gateway.publish(DISCONNECT, {"device": "A"})
    else:
        await gateway.hang_up()
    calling = await call(gateway_site, "A")
    assert (gateway.told, calling.done()) == ([], False)


async def test_a_reply_for_a_device_of_somebody_else(gateway_site: GatewaySite) -> None:
    """Behaviour §2.8: a gateway can't answer in the name of others."""
    other = gateway_site.joined.other
    await gateway_site.scene.assign(other, ACME)
    gateway = await gateway_site.connected()
    calling = await call(gateway_site, other.name)
    for command_id in range(4):
        got = await gateway.publish(RPC, {"device": other.name, "id": command_id, "data": 1})
        assert acknowledged(got).reason == Reason.NOT_AUTHORIZED
    assert not calling.done()


async def test_changes_of_shared_attributes(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.2."""
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    gateway.got.clear()
    await share(gateway_site, "A", interval=60, mode="fast")
    assert gateway.told == [(ATTRIBUTES, {"device": "A", "data": {"interval": 60, "mode": "fast"}})]


async def test_a_device_that_the_tenant_took_away(gateway_site: GatewaySite) -> None:
    """Behaviour §2.8: neither commands nor attributes go there any more, and it is told."""
    gateway = await gateway_site.connected(filters=(*FILTERS, DISCONNECT))
    await gateway.publish(CONNECT, {"device": "A"})
    await gateway_site.part(gateway_site.gateway, await gateway_site.made("A"), "Created")
    gateway.got.clear()
    calling = await call(gateway_site, "A")
    await share(gateway_site, "A", interval=60)
    assert gateway.told == [(DISCONNECT, {"device": "A", "reason": Reason.NOT_AUTHORIZED})]
    assert not calling.done()


async def test_commands_of_a_former_owner_are_given_up(gateway_site: GatewaySite) -> None:
    """Behaviour §5.2: also those that wait in the gateway's session."""
    gateway = await gateway_site.connected(filters=(RPC,))
    await gateway.publish(CLAIM, {"A": {}, "B": {}})
    for name in "AB":
        await gateway_site.scene.assign(await gateway_site.made(name), ACME)
    gateway.got.clear()
    calls = [await call(gateway_site, name) for name in "AB"]
    assert len(gateway.told) == 2
    made = await gateway_site.made("A")
    await gateway_site.scene.unassign(made)
    gateway_site.joined.exchange.cancel_device(made.id)
    gateway_site.joined.live.tell_credentials(made.id)
    await gateway_site.joined.settled()
    assert (calls[0].done(), calls[1].done()) == (True, False)
    session = gateway.connection.session
    assert session is not None
    session.outgoing.begin_again()
    assert [msgspec.json.decode(it.payload)["device"] for it in session.outgoing.take()] == ["B"]


async def test_session_limits_of_a_gateway(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.3: `gatewayRateLimits` beside its own."""
    gateway_site.joined.rate_limits = gateway_site.joined.limits_of_all(
        DeviceLimits(gateway_device_messages="20:1", gateway_messages="1000:1", device_messages="5:1")
    )
    gateway_site.joined.rewire()
    gateway = await gateway_site.connected(filters=(ANSWERS,))
    await gateway.publish(ME + "rpc/request/1", {"method": "getSessionLimits", "params": {}})
    ((_, answer),) = gateway.told
    assert answer["rateLimits"]["messages"] == "20:1,"
    assert answer["gatewayRateLimits"] == {
        "messages": "1000:1,",
        "telemetryMessages": "",
        "telemetryDataPoints": "",
    }


async def test_limits_of_each_device(gateway_site: GatewaySite) -> None:
    """Each entry counts for the device that it is about."""
    limits = DeviceLimits(device_telemetry_messages="1:60")
    gateway_site.joined.rate_limits = gateway_site.joined.limits_of_all(limits)
    gateway_site.joined.rewire()
    gateway = await gateway_site.connected()
    assert acknowledged(await gateway.publish(TELEMETRY, {"A": [{"t": 1}], "B": [{"t": 1}]})).reason == 0
    got = await gateway.publish(TELEMETRY, {"A": [{"t": 2}]})
    assert acknowledged(got).reason == Reason.QUOTA_EXCEEDED
    assert await gateway_site.values("A") == {"t": 1}
