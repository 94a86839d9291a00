"""Whom a gateway speaks for: what it made, what the tenant put under it, what nobody has (behaviour §2.8)."""

import msgspec

from deedbox.core.gateways import GatewayLimits
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.testing.claim_scene import ACME, GLOBEX, NEIGHBOUR, made_device
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.gateway_site import CONNECT, TELEMETRY, GatewaySite, acknowledged, told
from tests.transports.mqtt.joined import Client


async def outcome(gateway: Client, name: str) -> str | None:
    """Name a device and return why the gateway does not speak for it, None when it does."""
    found: str | None = told(await gateway.publish(CONNECT, {"device": name})).get("refused", {}).get(name)
    return found


async def test_an_unowned_device_is_adopted(gateway_site: GatewaySite) -> None:
    other, gateway = gateway_site.joined.other, await gateway_site.connected()
    assert await outcome(gateway, other.name) is None
    assert await gateway_site.relation_types(other) == ["Manages"]
    found = await gateway_site.made(other.name)
    assert msgspec.json.decode(found.additional_info) == {
        "lastConnectedGateway": str(gateway_site.gateway.id)
    }
    actions = [it.action for it in await gateway_site.joined.sqlite.audit(other.tenant_id)]
    assert sorted(actions) == ["RELATION_ADD_OR_UPDATE", "UPDATED"]


async def test_adoption_can_be_switched_off(gateway_site: GatewaySite) -> None:
    gateway_site.joined.gateway_limits = GatewayLimits(adopts=False)
    gateway_site.joined.rewire()
    gateway = await gateway_site.connected()
    assert await outcome(gateway, gateway_site.joined.other.name) == "not_its_device"
    assert await outcome(gateway, "new") is None


async def test_an_owned_device_is_not_adopted(gateway_site: GatewaySite) -> None:
    other = gateway_site.joined.other
    await gateway_site.scene.assign(other, ACME)
    assert await outcome(await gateway_site.connected(), other.name) == "not_its_device"


async def test_what_is_under_another_gateway_is_not_adopted(gateway_site: GatewaySite) -> None:
    other, third = gateway_site.joined.other, made_device(3)
    await gateway_site.joined.sqlite.add_device(PreparedDevice(third))
    gateway_site.mark(third)
    await gateway_site.relate(third, other)
    assert await outcome(await gateway_site.connected(), other.name) == "not_its_device"


async def test_what_is_under_a_device_that_is_no_gateway_is_adopted(gateway_site: GatewaySite) -> None:
    other, third = gateway_site.joined.other, made_device(3)
    await gateway_site.joined.sqlite.add_device(PreparedDevice(third))
    await gateway_site.relate(third, other)
    assert await outcome(await gateway_site.connected(), other.name) is None


async def test_what_the_tenant_put_under_it(gateway_site: GatewaySite) -> None:
    """Also for a gateway and a device with different owners."""
    other = gateway_site.joined.other
    await gateway_site.relate(gateway_site.gateway, other)
    await gateway_site.scene.assign(gateway_site.gateway, ACME)
    await gateway_site.scene.assign(other, GLOBEX)
    gateway = await gateway_site.connected()
    assert acknowledged(await gateway.publish(TELEMETRY, {other.name: [{"t": 1}]})).reason == 0
    assert await gateway_site.values(other.name) == {"t": 1}
    assert (await gateway_site.made(other.name)).customer_id == GLOBEX


async def test_a_gateway_does_not_speak_for_itself(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    assert await outcome(gateway, gateway_site.gateway.name) == "not_its_device"


async def test_devices_of_another_tenant_do_not_exist(gateway_site: GatewaySite) -> None:
    """A name is looked up inside the gateway's tenant: it makes a device of its own."""
    theirs = made_device(7, NEIGHBOUR)
    await gateway_site.joined.sqlite.add_device(PreparedDevice(theirs))
    gateway = await gateway_site.connected()
    assert acknowledged(await gateway.publish(TELEMETRY, {theirs.name: [{"t": 1}]})).reason == 0
    assert (await gateway_site.made(theirs.name)).id != theirs.id
    assert await gateway_site.joined.latest(theirs) == {}


async def test_too_many_devices(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.1: 0x97; what is there already goes on."""
    gateway_site.joined.gateway_limits = GatewayLimits(most_devices=2)
    gateway_site.joined.rewire()
    gateway = await gateway_site.connected()
    body = {name: [{"t": 1}] for name in "ABC"}
    got = await gateway.publish(TELEMETRY, body)
    assert acknowledged(got).reason == Reason.QUOTA_EXCEEDED
    assert told(got) == {"accepted": 2, "refused": {"C": "too_many_devices"}}
    assert [await gateway_site.values(name) for name in "AB"] == [{"t": 1}] * 2
    assert await gateway_site.device("C") is None
    older = await gateway_site.joined.connected(4, "older")
    assert acknowledged(await older.publish(TELEMETRY, body)).reason == 0


async def test_an_owned_gateway_has_a_quota_of_its_own(gateway_site: GatewaySite) -> None:
    gateway_site.joined.gateway_limits = GatewayLimits(most_devices_owned=1)
    gateway_site.joined.rewire()
    await gateway_site.scene.assign(gateway_site.gateway, ACME)
    gateway = await gateway_site.connected()
    assert [await outcome(gateway, name) for name in "AB"] == [None, "too_many_devices"]


async def test_an_owned_gateway_makes_no_profiles(gateway_site: GatewaySite) -> None:
    await gateway_site.scene.assign(gateway_site.gateway, ACME)
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A", "type": "anything"})
    assert (await gateway_site.made("A")).type == "default"


async def test_the_tenant_hears_of_a_refusal_once(gateway_site: GatewaySite) -> None:
    """Behaviour §2.8: refused for that entry alone, and visible."""
    other = gateway_site.joined.other
    await gateway_site.scene.assign(other, ACME)
    gateway = await gateway_site.connected()
    for _ in range(3):
        await outcome(gateway, other.name)
        await gateway_site.joined.pass_ms(10_000)
    sqlite, tenant_id = gateway_site.joined.sqlite, other.tenant_id
    (entry,) = [it for it in await sqlite.audit(tenant_id) if it.action == "SPEAK_FOR_DEVICE"]
    assert (entry.entity_name, entry.failure) == (gateway_site.gateway.name, "not its device")
    (event,) = [it for it in await sqlite.events(tenant_id) if it.type == "device.gateway_refused"]
    assert msgspec.json.decode(event.data) == {
        "gatewayName": gateway_site.gateway.name,
        "deviceName": other.name,
        "reason": "not_its_device",
    }


async def test_a_device_that_is_renamed(gateway_site: GatewaySite) -> None:
    """Values go to the device that has the name now."""
    gateway = await gateway_site.connected()
    await gateway.publish(TELEMETRY, {"A": [{"t": 1}]})
    made = await gateway_site.made("A")
    gateway_site.joined.sqlite.sql("update device set name = 'B' where id = ?", made.id)
    await gateway_site.joined.pass_ms(10_000)
    await gateway.publish(TELEMETRY, {"A": [{"t": 2}], "B": [{"t": 3}]})
    assert (await gateway_site.made("A")).id != made.id
    assert [await gateway_site.values(name) for name in "AB"] == [{"t": 2}, {"t": 3}]
