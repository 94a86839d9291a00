"""Devices observe commands and changes of their shared attributes (RFC 7641)."""

import asyncio

import msgspec
import pytest

from deedbox.core.rpc import End
from deedbox.testing.claim_scene import ACME, GLOBEX
from deedbox.transports.coap.blocks import Block
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Message, Number
from tests.transports.coap.coap_site import CON, FORGET, RST, CoapSite, Device, option, told
from tests.transports.device_site import PATIENCE_MS, TOKEN


async def test_attributes_are_told_as_they_change(site: CoapSite, device: Device) -> None:
    """See thingsboard §3.3: at first all that is shared, then what changes."""
    await site.share(interval=5)
    first = await device.observe("attributes", b"\x07")
    assert (first.code, told(first)) == (Code.CONTENT, {"interval": 5})
    await site.share(interval=6, colour="red")
    await site.settled()
    second = device.got[-1]
    assert (second.type, second.code, second.token) == (CON, Code.CONTENT, b"\x07")
    assert told(second) == {"interval": 6, "colour": "red"}
    assert number_of(first) < number_of(second)
    await site.drop_shared("colour")
    await site.settled()
    assert device.got[-1] == second  # one at a time
    await device.take(second)
    assert told(device.got[-1]) == {"deleted": ["colour"]}


async def test_changes_while_one_is_under_way_are_told_together(site: CoapSite, device: Device) -> None:
    await device.observe("attributes")
    for number in range(5):
        await site.share(n=number)
        await site.settled()
    first = device.got[-1]
    assert told(first) == {"n": 0}
    await device.take(first)
    assert told(device.got[-1]) == {"n": 4}
    assert len(device.got) == 3


async def test_a_command_and_its_reply(site: CoapSite, device: Device) -> None:
    """See thingsboard §6.7"""
    begun = await device.observe("rpc")
    assert (begun.code, begun.payload, number_of(begun)) == (Code.VALID, b"", 1)
    called = site.beside(site.call("setLamp", {"on": True}))
    await site.settled()
    command = device.got[-1]
    assert told(command) == {"id": told(command)["id"], "method": "setLamp", "params": {"on": True}}
    await device.take(command)
    answer = await device.post(f"rpc/{told(command)['id']}", b"{lamp: on}")
    assert answer.code == Code.CREATED
    outcome = await called
    assert (outcome.end, outcome.reply) == (End.REPLIED, b'{"lamp":"on"}')


async def test_one_way_is_done_when_it_is_acknowledged(site: CoapSite, device: Device) -> None:
    await device.observe("rpc")
    called = site.beside(site.exchange.call(await site.command("go", one_way=True), PATIENCE_MS))
    await site.settled()
    assert not called.done()
    await device.take(device.got[-1])
    assert (await called).end is End.DELIVERED


async def test_commands_go_out_one_after_the_other(site: CoapSite, device: Device) -> None:
    await device.observe("rpc")
    calls = [site.beside(site.call(f"m{n}")) for n in range(3)]
    seen = []
    for _ in calls:
        await site.settled()
        seen.append(told(device.got[-1])["method"])
        await device.take(device.got[-1])
    assert seen == ["m0", "m1", "m2"]
    assert not any(it.done() for it in calls)


async def test_a_reset_ends_it(site: CoapSite, device: Device) -> None:
    """RFC 7641 §3.6: a device that has forgotten what it asked for; the command goes to the next one."""
    await device.observe("rpc", b"old")
    called = site.beside(site.call("m"))
    await site.settled()
    await device.all_of(Message(RST, Code.EMPTY, device.got[-1].message_id))
    assert site.endpoint.observations.count == 0
    await device.all_of(device.request(Code.GET, "rpc", options=[(Number.OBSERVE, 0)], token=b"new"))
    assert (device.got[-1].token, told(device.got[-1])["method"]) == (b"new", "m")
    assert not called.done()


async def test_observing_ends_on_request(site: CoapSite, device: Device) -> None:
    await device.observe("attributes")
    ended = await device.observe("attributes", wish=FORGET)
    assert (ended.code, option(ended, Number.OBSERVE)) == (Code.DELETED, None)
    await site.share(a=1)
    await site.settled()
    assert len(device.got) == 2
    assert (await device.observe("attributes", wish=FORGET)).code == Code.DELETED


async def test_the_same_wish_twice_is_one(site: CoapSite, device: Device) -> None:
    for _ in range(2):
        await device.observe("attributes")
    await site.share(a=1)
    await site.settled()
    assert (site.endpoint.observations.count, len(device.got)) == (1, 3)


async def test_few_things_are_observed(site: CoapSite, device: Device) -> None:
    for number in range(site.coap.observations_per_peer):
        await device.observe("attributes", bytes((number,)))
    refused = await device.observe("attributes", b"more")
    assert (refused.code, option(refused, Number.MAX_AGE)) == (Code.SERVICE_UNAVAILABLE, 5)
    assert site.endpoint.observations.count == site.coap.observations_per_peer


async def test_other_credentials_end_it(site: CoapSite, device: Device) -> None:
    """Issue: rotation of credentials drops old sessions on every transport."""
    await device.observe("attributes")
    other = site.peer("192.0.2.2")
    await site.give_token(site.device, "NEW_TOKEN")
    site.live.tell_credentials(site.device.id)
    await site.settled()
    ended = device.got[-1]
    assert (ended.type, ended.code, number_of(ended)) == (CON, Code.UNAUTHORIZED, -1)
    assert site.endpoint.observations.count == 0
    assert (await device.post("telemetry", {"a": 1})).code == Code.UNAUTHORIZED
    assert (await other.post("/api/v1/NEW_TOKEN/telemetry", {"a": 1})).code == Code.CREATED


async def test_a_lost_hint_about_credentials_is_made_good(site: CoapSite, device: Device) -> None:
    await device.observe("attributes")
    await site.give_token(site.device, "NEW_TOKEN")
    await site.endpoint.observations.recheck_all()
    assert device.got[-1].code == Code.UNAUTHORIZED


async def test_the_same_credentials_go_on(site: CoapSite, device: Device) -> None:
    await device.observe("attributes")
    site.live.tell_credentials(site.device.id)
    await site.settled()
    await site.share(a=1)
    await site.settled()
    assert told(device.got[-1]) == {"a": 1}


async def test_what_was_on_its_way_is_told_when_the_credentials_hold(site: CoapSite, device: Device) -> None:
    await device.observe("attributes")
    await site.share(a=1)
    await site.settled()
    site.live.tell_credentials(site.device.id)
    await site.settled()
    assert told(device.got[-1]) == {"a": 1}
    assert len(device.got) == 3


async def test_commands_of_the_former_owner_go_nowhere(site: CoapSite, device: Device) -> None:
    """Behaviour §5.2: what waits for the device is taken back."""
    await site.scene.assign(site.device, ACME)
    await device.observe("rpc")
    first, second = site.beside(site.call("first")), site.beside(site.call("second"))
    await site.settled()
    await site.scene.assign(site.device, GLOBEX)
    await site.follow_deed_end()
    await site.settled()
    await device.take(device.got[-1])
    assert [told(it)["method"] for it in device.got[1:]] == ["first"]
    assert {(await it).end for it in (first, second)} == {End.CANCELLED}


async def test_a_long_change_is_fetched_in_blocks(site: CoapSite, device: Device) -> None:
    """RFC 7959 §2.6"""
    await device.observe("attributes")
    await site.share(long="x" * 2_000)
    await site.settled()
    told_first = device.got[-1]
    assert option(told_first, Number.BLOCK2) == Block(0, True, 6).encoded()[0]
    await device.take(told_first)
    rest = await device.get("attributes", options=[(Number.BLOCK2, Block(1, False, 6).encoded())], token=b"x")
    assert msgspec.json.decode(told_first.payload + rest.payload) == {"long": "x" * 2_000}
    assert option(rest, Number.ETAG) == option(told_first, Number.ETAG)


async def test_a_server_that_stops_says_so(site: CoapSite, device: Device) -> None:
    await device.observe("rpc")
    await site.endpoint.close()
    assert device.got[-1].code == Code.SERVICE_UNAVAILABLE
    assert site.endpoint.observations.count == 0


async def test_a_peer_that_is_forgotten_observes_nothing(site: CoapSite, device: Device) -> None:
    await device.observe("rpc")
    await device.observe("attributes", b"a")
    device.conversation.close()
    assert site.endpoint.observations.count == 0
    called = site.beside(site.call("m"))
    await site.settled()
    assert not called.done() and len(device.got) == 2


@pytest.mark.parametrize("path", ["/api/v1/nobody/rpc", "/api/v1/nobody/attributes"])
async def test_strangers_observe_nothing(site: CoapSite, device: Device, path: str) -> None:
    answer = await device.observe(path)
    assert (answer.code, answer.payload, number_of(answer)) == (Code.UNAUTHORIZED, b"", -1)
    assert TOKEN not in path
    await asyncio.sleep(0)
    assert site.endpoint.observations.count == 0


def number_of(message: Message) -> int:
    """Return a notification's number, -1 where it has none."""
    found = option(message, Number.OBSERVE)
    return -1 if found is None else found
