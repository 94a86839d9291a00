"""Whoever shows no secret gets little, and keeps nothing here; attacks A01 and the like."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from deedbox.core.credentials import Login, find_login
from deedbox.storage.stores import Stores
from deedbox.transports.coap.authenticating import KNOWN_FOR_MS
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Message, Number, encode
from deedbox.transports.login_guesses import LoginGuesses
from deedbox.transports.settings import DeviceLoginSettings
from tests.transports.coap.coap_site import CON, NON, CoapSite, Device, option, told
from tests.transports.coap.test_blocks import in_blocks
from tests.transports.device_site import TOKEN
from tests.transports.mqtt.test_provisioning import ASKED, prepared


@pytest.mark.parametrize("path", ["telemetry", "attributes", "claim", "rpc", "rpc/1"])
async def test_a_wrong_token(site: CoapSite, device: Device, path: str) -> None:
    """See thingsboard §2.4: 4.01, and not a word beside."""
    answer = await device.post(f"/api/v1/nobody/{path}", {"a": 1})
    assert (answer.code, answer.payload, answer.options) == (Code.UNAUTHORIZED, b"", [])
    assert not site.activity.unwritten


async def test_a_token_that_was_replaced(site: CoapSite, device: Device) -> None:
    assert (await device.post("telemetry", {"a": 1})).code == Code.CREATED
    await site.give_token(site.device, "NEW_TOKEN")
    site.live.tell_credentials(site.device.id)
    assert (await device.post("telemetry", {"a": 2})).code == Code.UNAUTHORIZED


async def test_a_lost_hint_about_a_token_is_made_good(site: CoapSite, device: Device) -> None:
    """A busy device is not asked for with each message."""
    await device.post("telemetry", {"a": 1})
    await site.give_token(site.device, "NEW_TOKEN")
    site.sqlite.now_ms += KNOWN_FOR_MS
    assert (await device.post("telemetry", {"a": 2})).code == Code.UNAUTHORIZED


async def test_devices_behind_one_address(site: CoapSite, device: Device) -> None:
    """Each request is its own device's, whoever was there before."""
    another = await site.token_of_another()
    for path in ("telemetry", f"/api/v1/{another}/telemetry", "telemetry"):
        assert (await device.post(path, {path[-9:]: path})).code == Code.CREATED
    assert await site.latest() == {"telemetry": "telemetry"}
    assert await site.latest(site.other) == {"telemetry": f"/api/v1/{another}/telemetry"}


async def test_whoever_tries_many_tokens_waits(site: CoapSite) -> None:
    """Attacks A01: 4.29 for wrong and right ones alike, with the time to wait."""
    site.login_guesses = LoginGuesses(DeviceLoginSettings(attempts_per_address=2, attempts_window_s=60))
    site.open_endpoint()
    device = site.peer()
    for token in ("one", "one", "two", "one"):
        assert (await device.post(f"/api/v1/{token}/telemetry", {"a": 1})).code == Code.UNAUTHORIZED
    for token in ("three", TOKEN):
        answer = await device.post(f"/api/v1/{token}/telemetry", {"a": 1})
        assert (answer.code, option(answer, Number.MAX_AGE)) == (Code.TOO_MANY_REQUESTS, 60)
        assert token.encode() not in answer.payload
    site.sqlite.now_ms += 60_000
    assert (await device.post("telemetry", {"a": 1})).code == Code.CREATED


@pytest.mark.parametrize(
    "request_of",
    [
        lambda it: it.request(Code.GET, "/.well-known/core"),
        lambda it: it.request(Code.POST, "/api/v1/n/claim"),
        lambda it: it.request(Code.POST, "/api/v1/provision", b"1"),
        lambda it: it.request(Code.GET, "/x", kind=NON),
        lambda it: it.request(Code.GET, "/", options=[(Number.PROXY_SCHEME, b"coap")]),
    ],
)
async def test_little_is_sent_to_whom_nobody_knows(
    site: CoapSite, device: Device, request_of: Callable[[Device], Message]
) -> None:
    """RFC 7252 §11.3: no more than three times what came, whoever's address it was."""
    datagram = encode(request_of(device))
    device.datagram(datagram)
    await site.settled()
    [answer] = device.sent
    assert len(answer) <= 3 * len(datagram)
    await site.pass_ms(100_000)
    assert len(device.sent) == 1


async def test_many_requests_at_once(site: CoapSite, device: Device) -> None:
    """One peer may have so many under way; those beyond are told to wait."""
    sent = [device.request(Code.POST, "claim", {"secretKey": str(n)}) for n in range(6)]
    answers = await device.all_of(*sent)
    refused = [it for it in answers if it.code == Code.TOO_MANY_REQUESTS]
    assert [option(it, Number.MAX_AGE) for it in refused] == [1, 1]
    assert len(site.heard) == site.coap.requests_per_peer == 4
    assert (site.endpoint.waiting, device.conversation.under_way) == (0, 0)


async def test_many_requests_of_many(new_site: Callable[..., Any]) -> None:
    site: CoapSite = await new_site(most_requests=3)
    devices = [site.peer(f"192.0.2.{n}") for n in range(5)]
    for it in devices:
        it.datagram(encode(it.request(Code.POST, "telemetry", {"a": 1})))
    await site.settled()
    codes = [it.got[0].code for it in devices]
    assert codes.count(Code.CREATED) == 3
    assert codes.count(Code.SERVICE_UNAVAILABLE) == 2


@pytest.mark.parametrize(
    ("number", "value", "expected"),
    [
        (9, b"", Code.BAD_OPTION),  # OSCORE
        (Number.ACCEPT, b"\x3c", Code.NOT_ACCEPTABLE),
        (Number.ACCEPT, b"\x32", Code.CREATED),
        (Number.PROXY_URI, b"coap://example.org", Code.PROXYING_NOT_SUPPORTED),
        (Number.BLOCK1, b"\x07", Code.BAD_REQUEST),
        (Number.URI_HOST, b"example.org", Code.CREATED),
        (258, b"\x02", Code.CREATED),
        (2048, b"x", Code.CREATED),
    ],
)
async def test_options(device: Device, number: int, value: bytes, expected: Code) -> None:
    """RFC 7252 §5.4.1: who must understand an option and does not, says so."""
    request = device.request(Code.POST, "telemetry", {"a": 1}, options=[(number, value)])
    assert [it.code for it in await device.all_of(request)] == [expected]


async def test_an_unconfirmed_request_with_an_unknown_option(device: Device) -> None:
    request = device.request(Code.POST, "telemetry", {"a": 1}, options=[(9, b"")], kind=NON)
    assert await device.all_of(request) == []


@pytest.mark.parametrize("path", ["/api/v1/provision", "/api/v1/anything/provision", "/api/v1/PROVISION"])
async def test_provisioning(site: CoapSite, device: Device, path: str) -> None:
    """See thingsboard §7"""
    await prepared(site)
    asked = ASKED | {"deviceName": "made"}
    made = await device.post(path, asked)
    assert (made.code, told(made)["status"]) == (Code.CREATED, "SUCCESS")
    token = told(made)["credentialsValue"]
    assert (await device.post(f"/api/v1/{token}/telemetry", {"a": 1})).code == Code.CREATED
    again = await device.post(path, asked)
    assert (again.code, told(again)["status"]) == (Code.BAD_REQUEST, "FAILURE")
    unknown = await device.post(path, asked | {"provisionDeviceKey": "nobody's"})
    assert (unknown.code, told(unknown)["status"]) == (Code.BAD_REQUEST, "NOT_FOUND")


async def test_provisioning_in_blocks(site: CoapSite, device: Device) -> None:
    """The answer is longer than three times the last block: a right key is as good as a token."""
    await prepared(site)
    body = msgspec.json.encode(ASKED | {"deviceName": "made"})
    answers = await in_blocks(device, "/api/v1/provision", body, 0)
    assert told(answers[-1])["status"] == "SUCCESS"


async def _login(site: CoapSite, stores: Stores) -> Login | None:
    return await find_login(stores.credentials, site.scene.keys, TOKEN)


async def test_a_device_with_a_certificate(site: CoapSite) -> None:
    """See thingsboard §2.4: paths without a token, and with one, too."""
    device = site.peer(login=await site.look(partial(_login, site)))
    for path in ("/api/v1/telemetry", f"/api/v1/{TOKEN}/telemetry"):
        assert (await device.post(path, {"a": 1})).code == Code.CREATED
    assert (await device.post("/api/v1/claim", {"secretKey": "k"})).code == Code.CREATED
    assert (await device.post("/api/v1/rpc/1")).code == Code.CREATED
    assert (await device.post("/api/v1/rpc/1/2")).code == Code.NOT_FOUND
    begun = await device.observe("/api/v1/rpc")
    assert (begun.type != CON, begun.code) == (True, Code.VALID)
    await site.give_token(site.device, "NEW_TOKEN")
    site.live.tell_credentials(site.device.id)
    await site.settled()
    assert device.got[-1].code == Code.UNAUTHORIZED
    assert (await device.post("/api/v1/telemetry", {"a": 1})).code == Code.UNAUTHORIZED
