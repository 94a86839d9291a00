"""What devices post and get over CoAP, and what they are answered."""

import pytest

from deedbox.core.ownership import ClaimPolicy
from deedbox.testing.claim_scene import ACME
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.messages import Number
from tests.transports.coap.coap_site import ACK, NON, CoapSite, Device, option, told

JSON = 50


async def test_telemetry_is_stored_before_it_is_acknowledged(site: CoapSite, device: Device) -> None:
    """Behaviour §2.6"""
    answer = await device.post("telemetry", {"temperature": 21.5, "ok": True})
    assert (answer.type, answer.code, answer.message_id) == (ACK, Code.CREATED, 1)
    assert (answer.token, answer.payload) == (b"\x01", b"")
    assert await site.latest() == {"temperature": 21.5, "ok": True}
    assert await site.last_activity_at(site.device.id) is None  # noted some seconds later
    assert site.activity.unwritten == 1


@pytest.mark.parametrize("path", ["telemetry", "TELEMETRY", "telemetry/", "/API/v1/x/telemetry"])
async def test_paths(site: CoapSite, device: Device, path: str) -> None:
    """See thingsboard §2.4: the feature in any case."""
    answer = await device.post(path, {"a": 1})
    assert answer.code == (Code.NOT_FOUND if path.startswith("/") else Code.CREATED)


async def test_telemetry_without_confirmation(site: CoapSite, device: Device) -> None:
    answer = await device.post("telemetry", [{"ts": 1, "values": {"a": 1}}, {"a": 2}], kind=NON)
    assert (answer.type, answer.code) == (NON, Code.CREATED)
    assert await site.latest() == {"a": 2}


async def test_messages_of_one_moment_are_all_kept(site: CoapSite, device: Device) -> None:
    sent = [device.request(Code.POST, "telemetry", {"n": n}) for n in range(3)]
    answers = await device.all_of(*sent)
    assert [it.code for it in answers] == [Code.CREATED] * 3
    await site.sqlite.storage.settle([site.device.id])
    [stored] = site.sqlite.sql("select count(*) from time_series")
    assert (tuple(stored), await site.latest()) == ((3,), {"n": 2})


async def test_nulls_are_nothing(site: CoapSite, device: Device) -> None:
    assert (await device.post("telemetry", {"a": None})).code == Code.CREATED
    assert await site.latest() == {}


async def test_attributes_both_ways(site: CoapSite, device: Device) -> None:
    """See thingsboard §3.3"""
    await site.share(interval=5, colour="red")
    assert (await device.post("attributes", {"firmware": "one", "gone": None})).code == Code.CREATED
    assert await site.reported() == {"firmware": "one"}
    everything = await device.get("attributes")
    assert (everything.code, option(everything, Number.CONTENT_FORMAT)) == (Code.CONTENT, JSON)
    assert told(everything) == {"client": {"firmware": "one"}, "shared": {"interval": 5, "colour": "red"}}
    some = await device.get("attributes?clientKeys=firmware,none&sharedKeys=interval")
    assert told(some) == {"client": {"firmware": "one"}, "shared": {"interval": 5}}


async def test_there_are_no_such_attributes(device: Device) -> None:
    """4.04, as the reference server answers."""
    assert (await device.get("attributes?sharedKeys=none")).code == Code.NOT_FOUND


@pytest.mark.parametrize("payload", [b"", b'{"secretKey":"value","durationMs":60000}', b"{durationMs:'1'}"])
async def test_an_offer_that_is_accepted(site: CoapSite, device: Device, payload: bytes) -> None:
    """Behaviour §2.5"""
    answer = await device.post("claim", payload)
    assert (answer.code, option(answer, Number.CONTENT_FORMAT)) == (Code.CREATED, JSON)
    assert told(answer) == {"accepted": True, "expiresAt": site.heard[-1].expires_at}


async def test_an_offer_that_is_refused(site: CoapSite, device: Device) -> None:
    """Behaviour §2.5: a refusal is an answer."""
    await site.scene.assign(site.device, ACME)
    answer = await device.post("claim", {"secretKey": "value"})
    assert (answer.code, told(answer)) == (Code.CREATED, {"accepted": False, "reason": "owned"})


async def test_an_offer_that_is_not_allowed(site: CoapSite, device: Device) -> None:
    """Behaviour §2.5"""
    site.scene.policy = ClaimPolicy(allow_by_default=False)
    site.wire()
    site.open_endpoint()
    answer = await site.peer().post("claim", {"secretKey": "value"})
    assert told(answer) == {"accepted": False, "reason": "not_allowed"}


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ("claim", b"[1]"),
        ("claim", b'{"secretKey":{}}'),
        ("telemetry", b"5"),
        ("telemetry", b""),
        ("telemetry", b"\xff\xfe"),
        ("attributes", b"{"),
        ("rpc", b"{}"),
        ("rpc/x", b"{}"),
    ],
)
async def test_a_bad_payload(site: CoapSite, device: Device, path: str, payload: bytes) -> None:
    """Behaviour §2.5: 4.00, and a text for people that does not repeat what came."""
    answer = await device.post(path, payload)
    assert answer.code == Code.BAD_REQUEST
    assert len(answer.payload.decode()) > 20
    assert option(answer, Number.CONTENT_FORMAT) is None
    assert site.answered == [Code.BAD_REQUEST]


async def test_a_question_of_the_device(device: Device) -> None:
    answer = await device.post("rpc", {"method": "getTime", "params": {}})
    assert answer.code == Code.CONTENT
    assert set(told(answer)) == {"error"}


@pytest.mark.parametrize(
    ("code", "path", "expected"),
    [
        (Code.GET, "telemetry", Code.METHOD_NOT_ALLOWED),
        (Code.PUT, "attributes", Code.METHOD_NOT_ALLOWED),
        (Code.FETCH, "attributes", Code.METHOD_NOT_ALLOWED),
        (Code.GET, "claim", Code.METHOD_NOT_ALLOWED),
        (Code.GET, "rpc", Code.BAD_REQUEST),
        (Code.POST, "firmware", Code.NOT_FOUND),
        (Code.POST, "/", Code.NOT_FOUND),
        (Code.POST, "/api/v1", Code.NOT_FOUND),
        (Code.POST, "/api/v1/telemetry", Code.NOT_FOUND),
        (Code.POST, "/api/v2/A1_TEST_TOKEN/telemetry", Code.NOT_FOUND),
        (Code.POST, "a/b/c", Code.NOT_FOUND),
    ],
)
async def test_what_is_not_there(device: Device, code: Code, path: str, expected: Code) -> None:
    assert (await device.ask(code, path, {"a": 1})).code == expected


async def test_resources_can_be_discovered(device: Device) -> None:
    """RFC 7252 §7.2"""
    answer = await device.get("/.well-known/core")
    assert (answer.code, answer.payload) == (Code.CONTENT, b"</api/v1>")
    assert option(answer, Number.CONTENT_FORMAT) == 40
