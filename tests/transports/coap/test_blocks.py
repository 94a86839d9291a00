"""Bodies that are too long for a datagram come and go in blocks (RFC 7959)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from deedbox.transports.coap.blocks import Block, block
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Message, Number
from tests.transports.coap.coap_site import CoapSite, Device, option, told

BODY = msgspec.json.encode({f"value-{n}": n for n in range(40)})


async def in_blocks(device: Device, path: str, body: bytes, exponent: int = 2) -> list[Message]:
    """Post a body in blocks, one after the other, as long as more are wanted."""
    size, answers = 16 << exponent, []
    for number in range(-(-len(body) // size)):
        part = body[number * size : (number + 1) * size]
        told_block = Block(number, (number + 1) * size < len(body), exponent)
        answers.append(await device.post(path, part, options=[(Number.BLOCK1, told_block.encoded())]))
        if answers[-1].code != Code.CONTINUE:
            break
    return answers


async def fetched(device: Device, path: str, exponent: int = 6) -> tuple[bytes, set[int | None]]:
    """Get a body block by block; return it and the tags that its blocks had."""
    body, number, tags = b"", 0, set()
    while True:
        wanted = Block(number, False, exponent).encoded()
        answer = await device.get(path, options=[(Number.BLOCK2, wanted)])
        assert answer.code == Code.CONTENT
        body += answer.payload
        tags.add(option(answer, Number.ETAG))
        got = block(dict(answer.options)[Number.BLOCK2])
        assert got is not None and (got.number, got.size_exponent) == (number, exponent)
        if not got.is_more:
            return body, tags
        number += 1


@pytest.mark.parametrize("exponent", [0, 2, 6])
async def test_a_body_in_blocks(site: CoapSite, device: Device, exponent: int) -> None:
    answers = await in_blocks(device, "telemetry", BODY, exponent)
    assert [it.code for it in answers] == [Code.CONTINUE] * (len(answers) - 1) + [Code.CREATED]
    last = block(dict(answers[-1].options)[Number.BLOCK1])
    assert last == Block(len(answers) - 1, False, exponent)
    assert await site.latest() == msgspec.json.decode(BODY)
    assert site.endpoint.room.taken_bytes == 0


async def test_a_block_in_the_middle_is_missing(site: CoapSite, device: Device) -> None:
    first, third = Block(0, True, 2).encoded(), Block(2, True, 2).encoded()
    await device.post("telemetry", BODY[:64], options=[(Number.BLOCK1, first)])
    answer = await device.post("telemetry", BODY[128:192], options=[(Number.BLOCK1, third)])
    assert answer.code == Code.REQUEST_ENTITY_INCOMPLETE
    assert [it.code for it in await in_blocks(device, "telemetry", BODY)][-1] == Code.CREATED


async def test_a_short_block_in_the_middle(device: Device) -> None:
    answer = await device.post("telemetry", b"{", options=[(Number.BLOCK1, Block(0, True, 2).encoded())])
    assert answer.code == Code.BAD_REQUEST


async def test_a_body_that_is_too_long(site: CoapSite, device: Device) -> None:
    """4.13 as soon as it is known, whole or in blocks; nothing of it is kept."""
    answers = await in_blocks(device, "telemetry", b" " * 5_000, 6)
    assert [it.code for it in answers] == [Code.CONTINUE] * 3 + [Code.REQUEST_ENTITY_TOO_LARGE]
    assert site.endpoint.room.taken_bytes == 0
    assert (await device.post("telemetry", b" " * 4_001)).code == Code.REQUEST_ENTITY_TOO_LARGE


async def test_a_datagram_that_is_too_long(site: CoapSite, device: Device) -> None:
    request = device.request(Code.POST, "telemetry", b" " * 9_000)
    device.conversation.too_large(b"\x41\x02\x00\x09\x05" + b" " * 9_000, site.sqlite.now_ms)
    assert [(it.code, it.token) for it in device.got] == [(Code.REQUEST_ENTITY_TOO_LARGE, b"\x05")]
    device.conversation.too_large(b"\x61\x02\x00\x09\x05" + b" " * 9_000, site.sqlite.now_ms)
    assert len(device.got) == 1 and request.payload


async def test_only_devices_keep_bodies_here(site: CoapSite, device: Device) -> None:
    answer = await device.post(
        "/api/v1/nobody/telemetry", BODY[:64], options=[(Number.BLOCK1, Block(0, True, 2).encoded())]
    )
    assert (answer.code, site.endpoint.room.taken_bytes) == (Code.UNAUTHORIZED, 0)


async def test_there_is_no_room_for_more(new_site: Callable[..., Any]) -> None:
    """Behaviour of many that begin and never end: 5.03 with a time to come back, then room again."""
    site: CoapSite = await new_site(largest_body_bytes=65_536, most_block_bytes=65_536)
    first = Block(0, True, 6).encoded()
    answers = [
        await site.peer(f"192.0.2.{n}").post("telemetry", b" " * 1_024, options=[(Number.BLOCK1, first)])
        for n in range(65)
    ]
    assert [it.code for it in answers] == [Code.CONTINUE] * 64 + [Code.SERVICE_UNAVAILABLE]
    assert option(answers[-1], Number.MAX_AGE) == 5
    await site.pass_ms(247_001)
    assert site.endpoint.room.taken_bytes == 0


@pytest.mark.parametrize("exponent", [2, 6])
async def test_a_long_answer(site: CoapSite, device: Device, exponent: int) -> None:
    await site.share(long="x" * 3_000)
    body, tags = await fetched(device, "attributes", exponent)
    assert msgspec.json.decode(body) == {"shared": {"long": "x" * 3_000}}
    assert len(tags) == 1 and None not in tags
    assert site.endpoint.room.taken_bytes == 0


async def test_a_long_answer_that_changes_meanwhile(site: CoapSite, device: Device) -> None:
    """What was begun goes on; where it was forgotten, the tag tells that it is another one."""
    await site.share(long="x" * 3_000)
    first = await device.get("attributes")
    assert (len(first.payload), option(first, Number.SIZE2)) == (1_024, 3_022)
    await site.share(long="y" * 3_000)
    second = await device.get("attributes", options=[(Number.BLOCK2, Block(1, False, 6).encoded())])
    assert set(second.payload) == set(b"x")
    await site.pass_ms(247_001)
    third = await device.get("attributes", options=[(Number.BLOCK2, Block(2, False, 6).encoded())])
    assert set(third.payload) == set(b'y"}')
    assert option(third, Number.ETAG) != option(first, Number.ETAG)


async def test_a_block_behind_the_end(site: CoapSite, device: Device) -> None:
    await site.share(a=1)
    answer = await device.get("attributes", options=[(Number.BLOCK2, Block(1, False, 6).encoded())])
    assert answer.code == Code.BAD_OPTION
    answer = await device.post("claim", options=[(Number.BLOCK2, Block(1, False, 6).encoded())])
    assert answer.code == Code.REQUEST_ENTITY_INCOMPLETE


async def test_a_short_answer_in_small_blocks(site: CoapSite, device: Device) -> None:
    await site.share(a=1)
    body, _ = await fetched(device, "attributes", 0)
    assert msgspec.json.decode(body) == {"shared": {"a": 1}}
    assert told(await device.get("attributes")) == {"shared": {"a": 1}}
