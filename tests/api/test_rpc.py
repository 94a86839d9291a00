"""Commands over REST: who may send them, how they end, what stays in the audit log."""

import asyncio
import json
from uuid import uuid4

import pytest

from tests.api.deployment import Deployment
from tests.api.gadget import ONE_WAY, TWO_WAY, Gadget, claimed_gadget


@pytest.fixture
async def gadget(deployment: Deployment) -> Gadget:
    return await claimed_gadget(deployment)


@pytest.mark.parametrize("who", ["alice", "maker"])
@pytest.mark.parametrize("path", [TWO_WAY, "/api/plugins/rpc/twoway"])
async def test_two_way_answers_what_the_device_replied(gadget: Gadget, who: str, path: str) -> None:
    """See thingsboard §6.7."""
    answer, command = await asyncio.gather(gadget.called(path, who), gadget.reply_once(b'{"on":true}'))
    assert (answer.status_code, answer.json()) == (200, {"on": True})
    assert answer.headers["content-type"] == "application/json"
    assert command == {"id": command["id"], "method": "getState", "params": {"pin": "s3cret"}}


async def test_an_empty_reply_is_an_empty_answer(gadget: Gadget) -> None:
    answer, _ = await asyncio.gather(gadget.called(), gadget.reply_once(b""))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", [ONE_WAY, "/api/plugins/rpc/oneway"])
async def test_one_way_is_answered_when_it_is_taken(gadget: Gadget, path: str) -> None:
    """See thingsboard §6.7."""
    answer, polled = await asyncio.gather(gadget.called(path), gadget.poll())
    assert (answer.status_code, answer.content) == (200, b"")
    assert polled.json()["method"] == "getState"


async def test_bodies_as_real_clients_send_them(gadget: Gadget) -> None:
    """As text/plain, and once more as a JSON string."""
    text = '{"method":"m"}'
    for content in (text, json.dumps(text)):
        called = gadget.called(content=content, headers={"content-type": "text/plain"})
        answer, command = await asyncio.gather(called, gadget.reply_once(b"1"))
        assert answer.json() == 1
        assert (command["method"], command["params"]) == ("m", None)


@pytest.mark.parametrize(
    "content",
    [
        r'{"method":"a\u0000b"}', r'{"method":"a\u0000b","persistent":true}',
        "", "[]", "17", '"text"', "{}", '{"method":""}', '{"method":7}', '{"method":null}', "{",
        '{"method":"m","timeout":"soon"}', '{"method":"m","persistent":"often"}',
        '{"method":"m","persistent":true,"retries":"many"}', '{"method":7,"persistent":true}',
        '{"method":"m","persistent":true,"additionalInfo":"' + "p" * 65_536 + '"}',
        '{"method":"' + "m" * 256 + '"}', '{"method":"m","params":"' + "p" * 65_536 + '"}',
        '{"method":"m","params":' + "[" * 65 + "]" * 65 + "}", "[" * 5_000, b'{"method":"\xff"}',
        '{"method":"m","params":' + "[" * 900 + "]" * 900 + "}",
    ],
    ids=lambda it: repr(it[:24]),
)  # fmt: skip
async def test_a_bad_body_is_refused(gadget: Gadget, content: str | bytes) -> None:
    """See behaviour §7."""
    answer = await gadget.called(content=content)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errorCode"] == 31
    assert "pppp" not in answer.text
    assert await gadget.audit() == []


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("rival", 404), ("root", 404), ("", 401)], ids=str)
async def test_others_may_not_command(gadget: Gadget, who: str, status: int) -> None:
    """See behaviour §5."""
    answer = await gadget.called(who=who)
    assert answer.status_code == status, answer.text


async def test_an_unknown_device_is_404_and_no_id_is_400(deployment: Deployment) -> None:
    command = {"method": "m"}
    await deployment.refused(404, "maker", "POST", f"{TWO_WAY}/{uuid4()}", command)
    await deployment.refused(400, "maker", "POST", f"{TWO_WAY}/nonsense", command)


async def test_the_audit_log_holds_the_method_never_the_parameters(gadget: Gadget) -> None:
    await asyncio.gather(gadget.called(), gadget.reply_once(b'"s3cret too"'))
    (entry,) = await gadget.audit()
    assert entry["actionStatus"] == "SUCCESS"
    assert entry["actionData"] == {"entityId": gadget.id, "oneWay": False, "method": "getState"}
    assert "s3cret" not in json.dumps(entry)


async def test_a_reclaim_ends_what_the_owner_waits_for(gadget: Gadget) -> None:
    """See behaviour §5.1: pending commands of the old owner are cancelled."""
    called = asyncio.create_task(gadget.called())
    command = (await gadget.poll()).json()
    await gadget.deployment.ok("alice", "DELETE", "/api/customer/device/gadget/claim")
    answer = await called
    assert (answer.status_code, answer.json()["code"]) == (504, "device_did_not_answer")
    late = await gadget.deployment.call("", "POST", f"{gadget.address}/rpc/{command['id']}", content=b"1")
    assert late.status_code == 200
    assert (await gadget.called()).status_code == 403


@pytest.mark.parametrize("ending", ["reclaim", "unassign", "assign", "delete"])
async def test_no_end_of_a_deed_leaves_a_command_behind(gadget: Gadget, ending: str) -> None:
    """See behaviour §5.1, §5.6."""
    deployment = gadget.deployment
    called = asyncio.create_task(gadget.called("/api/plugins/rpc/twoway"))
    await gadget.until_a_command_waits()
    match ending:
        case "reclaim":
            await deployment.ok("maker", "DELETE", "/api/customer/device/gadget/claim")
        case "unassign":
            await deployment.ok("maker", "DELETE", f"/api/customer/device/{gadget.id}")
        case "assign":
            customer_id = (await deployment.who("bob"))["customerId"]["id"]
            await deployment.ok("maker", "POST", f"/api/customer/{customer_id}/device/{gadget.id}")
        case "delete":
            await deployment.ok("maker", "DELETE", f"/api/device/{gadget.id}")
    answer = await called
    assert (answer.status_code, answer.json()["code"]) == (409, "device_did_not_answer")


async def test_shared_attributes_reach_the_waiting_device(gadget: Gadget) -> None:
    """See thingsboard §3.3: the owner writes, the device hears of it."""
    polled = asyncio.create_task(gadget.poll("attributes/updates"))
    await asyncio.sleep(0.05)
    path = f"/api/plugins/telemetry/DEVICE/{gadget.id}/attributes/SHARED_SCOPE"
    await gadget.deployment.ok("alice", "POST", path, {"interval": 30})
    assert (await polled).json() == {"interval": 30}


async def test_what_an_owner_shared_ends_with_its_deed_for_the_device_too(gadget: Gadget) -> None:
    """See behaviour §5.3."""
    path = f"/api/plugins/telemetry/DEVICE/{gadget.id}/attributes/SHARED_SCOPE"
    await gadget.deployment.ok("alice", "POST", path, {"interval": 30})
    polled = asyncio.create_task(gadget.poll("attributes/updates"))
    await asyncio.sleep(0.05)
    await gadget.deployment.ok("alice", "DELETE", "/api/customer/device/gadget/claim")
    assert (await polled).json() == {"deleted": ["interval"]}
