"""Devices beyond the limits of their tenant over MQTT, also those that came before there were any."""

from collections.abc import Awaitable, Callable

import pytest

from deedbox.core.device_limits import DeviceLimits, TenantLimits
from deedbox.core.value_limits import ValueLimits
from deedbox.storage.stores import Stores
from deedbox.transports.mqtt.packets import PubAck, Publish
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.joined import ANSWERS, ATTRIBUTES, ME, TELEMETRY, Client, JoinedSite, message

NewSite = Callable[..., Awaitable[JoinedSite]]


async def reasons(client: Client, topic: str, count: int) -> list[int]:
    """Publish so many messages and return how each was answered."""
    got = await client.ask(*[message(topic, {"t": it}, 1, it + 1) for it in range(count)])
    return [it.reason for it in got if isinstance(it, PubAck)]


async def limit(site: JoinedSite, **texts: str | None) -> None:
    """Let the tenant have limits from now on."""

    async def work(stores: Stores) -> None:
        await stores.device_limits.put_limits(site.device.tenant_id, TenantLimits(**texts))

    await site.sqlite.storage.write(work)
    await site.rate_limits.reload()
    await site.pass_ms(1_000)


@pytest.mark.parametrize(
    ("limits", "topic"),
    [
        (DeviceLimits(device_messages="2:60"), ATTRIBUTES),
        (DeviceLimits(device_telemetry_messages="2:60"), TELEMETRY),
        (DeviceLimits(tenant_telemetry_data_points="2:60"), TELEMETRY),
    ],
)
async def test_beyond_the_limit(new_site: NewSite, limits: DeviceLimits, topic: str) -> None:
    """Thingsboard §2.2: 0x97 and the connection stays; before MQTT 5 it is closed."""
    site = await new_site(limits)
    client = await site.connected()
    assert await reasons(client, topic, 4) == [0, 0, Reason.QUOTA_EXCEEDED, Reason.QUOTA_EXCEEDED]
    site.sqlite.now_ms += 60_000
    assert await reasons(client, topic, 1) == [0]
    older = await site.connected(4, "older")
    await older.ask(*[message(topic, {"t": it}, 0) for it in range(4)])
    assert older.ended() == -1


async def test_a_limit_holds_across_connections(new_site: NewSite) -> None:
    site = await new_site(DeviceLimits(device_telemetry_messages="2:60"))
    for expected in ([0], [0], [Reason.QUOTA_EXCEEDED]):
        client = await site.connected()
        assert await reasons(client, TELEMETRY, 1) == expected
        await client.hang_up()


async def test_devices_that_are_connected_get_the_first_limit_too(site: JoinedSite) -> None:
    client = await site.connected()
    assert await reasons(client, TELEMETRY, 3) == [0, 0, 0]
    await limit(site, device_telemetry_messages="1:60")
    assert await reasons(client, TELEMETRY, 2) == [0, Reason.QUOTA_EXCEEDED]
    await limit(site, device_telemetry_messages=None)
    assert await reasons(client, TELEMETRY, 3) == [0, 0, 0]
    await limit(site, device_telemetry_messages="1:60")
    assert await reasons(client, TELEMETRY, 2) == [0, Reason.QUOTA_EXCEEDED]


async def test_devices_hear_of_limits_that_are_new(site: JoinedSite) -> None:
    client = await site.connected()
    await client.subscribe(ANSWERS)
    await limit(site, device_messages="10:1,300:60")
    await client.publish(ME + "rpc/request/1", {"method": "getSessionLimits", "params": {}})
    assert client.told[0][1]["rateLimits"]["messages"] == "10:1,300:60,"


async def test_too_many_names(new_site: NewSite) -> None:
    """0x99: a device must not grow the database for ever."""
    site = await new_site()
    site.value_limits = ValueLimits(most_series=2, most_attributes=2)
    site.rewire()
    client = await site.connected()
    for topic in (TELEMETRY, ATTRIBUTES):
        got = await client.ask(*[message(topic, {f"n{it}": 1}, 1, it + 1) for it in range(3)])
        assert [it.reason for it in got if isinstance(it, PubAck)] == [0, 0, Reason.PAYLOAD_FORMAT_INVALID]
    assert client.of(Publish) == []
    assert await site.latest() == {"n0": 1, "n1": 1}
