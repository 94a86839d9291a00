"""What a tenant's profile lets devices over MQTT do: connections, sizes, messages in flight, gateways."""

from collections.abc import Awaitable, Callable
from typing import Any

from deedbox.core.device_limits import DeviceLimits
from deedbox.transports.mqtt.gateway_children import ASKED_AGAIN_AFTER_MS
from deedbox.transports.mqtt.packets import ConnAck, Disconnect, PubAck
from deedbox.transports.mqtt.reasons import ConnectCode, Reason
from tests.transports.mqtt import gateway_site as gateways
from tests.transports.mqtt.gateway_site import GatewaySite
from tests.transports.mqtt.joined import ANSWERS, ATTRIBUTES, ME, TELEMETRY, Client, JoinedSite, message
from tests.transports.profile_limits import allow

NewSite = Callable[..., Awaitable[JoinedSite]]
LIMITS_REQUEST = ME + "rpc/request/1", {"method": "getSessionLimits", "params": {}}


async def answered(client: Client, topic: str, payload: Any) -> int:
    """Publish once and return the reason in the answer."""
    [answer] = [it for it in await client.publish(topic, payload) if isinstance(it, PubAck)]
    return answer.reason


async def test_a_tenants_connections(site: JoinedSite) -> None:
    """CONNACK 0x97, before MQTT 5 3; those that are open stay, and one that goes makes room."""
    first = await site.connected(client_id="first")
    await allow(site, maxConnections=2)
    second = await site.connected(client_id="second")
    refused = await site.client().connect("third")
    assert refused.reason == Reason.QUOTA_EXCEEDED
    assert "2 connections" in (refused.properties.reason_string or "")
    assert (await site.client(4).connect("third")).reason == ConnectCode.SERVER_UNAVAILABLE
    again = await site.connected(client_id="second")
    assert second.ended() == Reason.SESSION_TAKEN_OVER, "a client that comes anew has its place"
    await first.hang_up()
    third = await site.connected(client_id="third")
    await allow(site, maxConnections=1)
    assert (again.ended(), third.ended()) == (None, None)
    await again.hang_up()
    assert (await site.client().connect("fourth")).reason == Reason.QUOTA_EXCEEDED
    assert ("tenant", "connections") in site.refused


async def test_a_long_message(site: JoinedSite) -> None:
    """0x97 and the connection stays; new ones are told the size in CONNACK; before MQTT 5 it is closed."""
    client = await site.connected()
    await allow(site, maxPayloadSize=100)
    assert await answered(client, TELEMETRY, {"t": "x" * 100}) == Reason.QUOTA_EXCEEDED
    assert await answered(client, TELEMETRY, {"t": "x" * 50}) == 0
    accepted = await site.client().connect("new")
    assert accepted.properties.maximum_packet_bytes == 100 + 1_024
    older = await site.connected(4, "older")
    await older.publish(ATTRIBUTES, {"t": "x" * 100}, 0)
    assert older.ended() == -1


async def test_messages_without_an_answer(site: JoinedSite) -> None:
    """Told as receive maximum; one more ends the connection with 0x93 (MQTT 5 §3.3.4)."""
    await allow(site, maxInflightMessages=2)
    client = site.client()
    assert (await client.connect()).properties.receive_maximum == 2
    client.send(*[message(TELEMETRY, {"t": it}, 1, it) for it in range(1, 4)])
    await site.settled()
    assert [it.reason for it in client.of(Disconnect)] == [Reason.RECEIVE_MAXIMUM_EXCEEDED]


async def test_a_gateway_and_what_is_behind_it(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.3: limits of a gateway about itself, and of all that is behind it together."""
    site = gateway_site.joined
    await allow(
        site,
        transportGatewayTelemetryMsgRateLimit="3:60",
        transportGatewayDeviceTelemetryMsgRateLimit="1:60",
        transportDeviceTelemetryMsgRateLimit="2:60",
    )
    client = await gateway_site.connected(filters=(ANSWERS, *gateways.FILTERS))
    await client.publish(*LIMITS_REQUEST)
    told = client.told[-1][1]
    assert told["rateLimits"]["telemetryMessages"] == "1:60,"
    assert told["gatewayRateLimits"] == {
        "messages": "", "telemetryMessages": "3:60,", "telemetryDataPoints": "",
    }  # fmt: skip
    assert [await answered(client, TELEMETRY, {"t": 1}) for _ in range(2)] == [0, Reason.QUOTA_EXCEEDED]
    reasons = [
        await answered(client, gateways.TELEMETRY, {name: [{"t": 1}]}) for name in ("A", "A", "A", "B", "C")
    ]
    over = Reason.QUOTA_EXCEEDED
    assert reasons == [0, 0, over, 0, over], "two of each device, three of the gateway"
    assert site.refused == [
        ("gateway_device", "telemetry_messages"),
        ("device", "telemetry_messages"),
        ("gateway", "telemetry_messages"),
    ]


async def test_devices_that_gateways_bring_along(gateway_site: GatewaySite) -> None:
    """0x97 for one more than the tenant may have, or a gateway; each is decided in the database."""
    site = gateway_site.joined
    [(there,)] = site.sqlite.sql("select count(*) from device where tenant_id = ?", site.device.tenant_id)
    site.sqlite.sql("insert or replace into tally values (?, 'device', ?)", site.device.tenant_id, there)
    client = await gateway_site.connected()
    for name, configuration in (
        ("A", {"maxDevices": there + 1}),
        ("B", {"maxDevicesPerGateway": 2}),
    ):
        await allow(site, **configuration)
        await site.pass_ms(ASKED_AGAIN_AFTER_MS)
        offer: dict[str, Any] = {name: {}, name + name: {}}
        assert await answered(client, gateways.CLAIM, offer) == Reason.QUOTA_EXCEEDED
        assert await gateway_site.device(name) is not None
        assert await gateway_site.device(name + name) is None


async def test_limits_of_the_deployment(new_site: NewSite) -> None:
    site = await new_site(DeviceLimits(tenant_connections=1))
    await site.connected(client_id="one")
    answer: ConnAck = await site.client().connect("two")
    assert answer.reason == Reason.QUOTA_EXCEEDED
