"""Devices beyond the limits of their tenant over CoAP."""

from collections.abc import Awaitable, Callable

from deedbox.core.device_limits import DeviceLimits
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Number
from tests.transports.coap.coap_site import CoapSite, Device, option
from tests.transports.profile_limits import allow

NewSite = Callable[..., Awaitable[CoapSite]]


async def test_beyond_a_rate(new_site: NewSite) -> None:
    """4.29 with Max-Age, so that the device knows when to come back (RFC 8516)."""
    site = await new_site(DeviceLimits(device_telemetry_messages="1:60", device_messages="1:60"))
    device = site.peer()
    for path in ("telemetry", "attributes"):
        assert (await device.post(path, {"a": 1})).code == Code.CREATED
        refused = await device.post(path, {"a": 2})
        assert (refused.code, option(refused, Number.MAX_AGE)) == (Code.TOO_MANY_REQUESTS, 60)
    site.sqlite.now_ms += 60_000
    assert (await device.post("telemetry", {"a": 3})).code == Code.CREATED
    assert await site.latest() == {"a": 3}


async def test_more_values_than_ever_pass(new_site: NewSite) -> None:
    site = await new_site(DeviceLimits(tenant_telemetry_data_points="2:60"))
    answer = await site.peer().post("telemetry", {"a": 1, "b": 2, "c": 3})
    assert answer.code == Code.REQUEST_ENTITY_TOO_LARGE


async def test_a_long_message(site: CoapSite, device: Device) -> None:
    """4.13 from the moment in which the tenant's profile says so."""
    assert (await device.post("telemetry", {"a": "x" * 100})).code == Code.CREATED
    await allow(site, maxPayloadSize=100)
    assert (await device.post("telemetry", {"a": "y" * 100})).code == Code.REQUEST_ENTITY_TOO_LARGE
    assert (await device.post("telemetry", {"a": "z" * 50})).code == Code.CREATED
    assert await site.latest() == {"a": "z" * 50}
