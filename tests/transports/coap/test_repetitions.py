"""What gets lost on the way is sent again, and done once (RFC 7252 §4)."""

from functools import partial
from threading import Event

import pytest

from deedbox.storage.stores import Stores
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Message, encode
from deedbox.transports.coap.outgoing import MOST_REPETITIONS
from tests.transports.coap.coap_site import ACK, CON, NON, RST, CoapSite, Device
from tests.transports.device_site import PATIENCE_MS

EXCHANGE_LIFETIME_MS = 247_000


async def _until(go_on: Event, _: Stores) -> None:
    go_on.wait(PATIENCE_MS / 1000)


async def test_a_repetition_is_answered_the_same_and_done_once(site: CoapSite, device: Device) -> None:
    request = device.request(Code.POST, "telemetry", {"n": 1})
    [first] = await device.all_of(request)
    [second] = await device.all_of(request)
    assert first == second
    await site.sqlite.storage.settle([site.device.id])
    assert tuple(site.sqlite.sql("select count(*) from time_series")[0]) == (1,)


async def test_a_repetition_while_the_first_is_under_way(device: Device) -> None:
    request = device.request(Code.POST, "telemetry", {"n": 1})
    assert len(await device.all_of(request, request, request)) == 1


async def test_unconfirmed_repetitions_are_not_answered(site: CoapSite, device: Device) -> None:
    request = device.request(Code.POST, "telemetry", {"n": 1}, kind=NON)
    assert len(await device.all_of(request)) == 1
    assert await device.all_of(request) == []


async def test_the_same_id_with_other_bytes_is_a_new_request(site: CoapSite, device: Device) -> None:
    """A device that starts anew counts from the same number."""
    await device.post("telemetry", {"n": 1})
    device._next_id = 0
    await device.post("telemetry", {"n": 2})
    assert await site.latest() == {"n": 2}


async def test_ids_are_forgotten(site: CoapSite, device: Device) -> None:
    request = device.request(Code.POST, "claim", {"secretKey": "a"})
    await device.all_of(request)
    await site.pass_ms(EXCHANGE_LIFETIME_MS)
    await device.all_of(request)
    assert len(site.heard) == 2


async def test_ids_of_others_are_others(site: CoapSite) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        await site.peer(address).post("claim", {"secretKey": "a"})
    assert len(site.heard) == 2


async def test_few_are_remembered(site: CoapSite, device: Device) -> None:
    for number in range(20):
        await device.post("telemetry", {"n": number})
    assert len(device.conversation._recent) == site.coap.requests_per_peer


async def test_a_ping_is_answered(device: Device) -> None:
    """RFC 7252 §4.3"""
    assert await device.all_of(Message(CON, 0, 77)) == [Message(RST, 0, 77)]
    assert await device.all_of(Message(NON, 0, 77), Message(ACK, 0, 77), Message(RST, 0, 77)) == []


@pytest.mark.parametrize(
    ("datagram", "answer"),
    [
        ("40010001ff", "70000001"),  # nothing after the marker of a payload
        ("50010001ff", ""),
        ("40450001", "70000001"),  # an answer that nobody asked for
        ("50450001", ""),
        ("60450001", ""),
        ("4001", ""),
        ("80010001", ""),
        ("4f010001", "70000001"),
    ],
)
async def test_what_is_not_understood(site: CoapSite, device: Device, datagram: str, answer: str) -> None:
    device.datagram(bytes.fromhex(datagram))
    await site.settled()
    assert b"".join(device.sent).hex() == answer
    assert site.endpoint.waiting == 0


async def test_an_answer_that_takes_long_comes_later(site: CoapSite, device: Device) -> None:
    """RFC 7252 §5.2.2: an empty acknowledgement first; the answer is sent again until it is acknowledged."""
    go_on = Event()
    site.beside(site.sqlite.storage.write(partial(_until, go_on)))
    request = device.request(Code.POST, "claim", {"secretKey": "value"}, token=b"long")
    device.datagram(encode(request))
    site.sqlite.now_ms += 1_000
    site.endpoint.tick(site.sqlite.now_ms)
    assert device.got == [Message(ACK, 0, request.message_id)]
    device.datagram(encode(request))
    assert device.got == [Message(ACK, 0, request.message_id)] * 2
    go_on.set()
    await site.settled()
    answer = device.got[-1]
    assert (answer.type, answer.code, answer.token) == (CON, Code.CREATED, b"long")
    await site.pass_ms(3_000)
    assert device.got[-1] == answer and len(device.got) == 4
    await device.take(answer)
    await site.pass_ms(100_000)
    assert len(device.got) == 4
    assert await device.all_of(request) == [Message(ACK, 0, request.message_id)]


async def test_a_peer_that_never_acknowledges_is_given_up(site: CoapSite, device: Device) -> None:
    await device.observe("attributes")
    await site.share(a=1)
    await site.settled()
    for _ in range(400):
        await site.pass_ms(250)
    assert len(device.got) == 1 + 1 + MOST_REPETITIONS
    assert site.endpoint.observations.count == 0
