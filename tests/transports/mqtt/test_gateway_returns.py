"""Gateways that go and come back, here or at another node: commands for the devices behind them."""

from typing import Any

from deedbox.cluster.local import LocalBus
from deedbox.testing.claim_scene import ACME
from deedbox.transports.mqtt.packets import PubAck, Publish
from tests.storage.command_site import CommandSite
from tests.transports.mqtt.gateway_site import CLAIM, CONNECT, FILTERS, RPC, GatewaySite
from tests.transports.mqtt.joined import Client
from tests.transports.mqtt.test_coming_from_afar import joined_by
from tests.transports.mqtt.test_gateway_pushes import call
from tests.transports.mqtt.test_sessions import KEPT


async def staying(site: GatewaySite, *names: str) -> Client:
    """Return a gateway whose session is kept, with these devices behind it."""
    gateway = await site.joined.connected(**KEPT)
    await gateway.subscribe(*FILTERS)
    for name in names:
        await gateway.publish(CONNECT, {"device": name})
    return gateway


def commands(gateway: Client) -> list[tuple[str, int]]:
    """Return which devices commands came for, with their numbers."""
    got: list[Any] = [payload for topic, payload in gateway.told if topic == RPC]
    return [(it["device"], it["data"]["id"]) for it in got]


async def test_a_command_that_was_not_acknowledged_comes_with_its_device(gateway_site: GatewaySite) -> None:
    """Not with the gateway's session: the device may be behind another gateway meanwhile."""
    gateway = await staying(gateway_site, "A")
    calling = await call(gateway_site, "A", one_way=True)
    sent = commands(gateway)
    await gateway.hang_up()
    gateway = await gateway_site.joined.connected(**KEPT)
    assert commands(gateway) == []
    await gateway.publish(CONNECT, {"device": "A"})
    assert commands(gateway) == sent
    await gateway.ask(PubAck(gateway.of(Publish)[0].packet_id))
    assert (await calling).end.value == "delivered"


async def test_a_command_of_a_former_owner_is_gone_when_the_gateway_returns(
    gateway_site: GatewaySite,
) -> None:
    """Behaviour §5.2: the device changed hands while its gateway was away."""
    gateway = await staying(gateway_site)
    await gateway.publish(CLAIM, {"A": {}})
    made = await gateway_site.made("A")
    await gateway_site.scene.assign(made, ACME)
    await call(gateway_site, "A")
    assert len(commands(gateway)) == 1
    await gateway.hang_up()
    await gateway_site.scene.unassign(made)
    gateway = await gateway_site.joined.connected(**KEPT)
    await gateway.publish(CONNECT, {"device": "A"})
    assert commands(gateway) == []


async def test_a_stored_command_waits_for_its_device_and_its_gateway(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.2: it is sent when the gateway names the device, and again until it is acknowledged."""
    gateway, stored = await staying(gateway_site, "A"), CommandSite(gateway_site.joined.sqlite)
    await gateway.hang_up()
    made = await gateway_site.made("A")
    command_id = await stored.add(device_id=made.id)
    states = []
    for acknowledges in (False, True):
        gateway = await gateway_site.joined.connected(**KEPT)
        await gateway.publish(CONNECT, {"device": "A"})
        states.append((await stored.command(command_id)).status)
        assert commands(gateway) == [("A", (await stored.command(command_id)).delivery_id)]
        if acknowledges:
            await gateway.ask(PubAck(gateway.of(Publish)[0].packet_id))
        await gateway.hang_up()
        states.append((await stored.command(command_id)).status)
    assert states == ["SENT", "TIMEOUT", "SENT", "DELIVERED"]


async def test_a_command_follows_a_gateway_to_another_node(gateway_site: GatewaySite) -> None:
    """Its session moves; the command is offered anew where the gateway names the device."""
    joined, bus = gateway_site.joined, LocalBus()
    servers = [joined_by(joined, bus, *names) for names in (("a" * 32, "b" * 32), ("b" * 32, "a" * 32))]
    joined.server = servers[0]
    gateway = await staying(gateway_site, "A")
    calling = await call(gateway_site, "A", one_way=True)
    sent = commands(gateway)
    joined.server = servers[1]
    moved = joined.client()
    assert (await moved.connect(**KEPT)).session_present
    assert (gateway.is_closed, commands(moved)) == (True, [])
    await moved.publish(CONNECT, {"device": "A"})
    assert commands(moved) == sent
    await moved.ask(*[PubAck(it.packet_id) for it in moved.of(Publish)])
    assert (await calling).end.value == "delivered"
