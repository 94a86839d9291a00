"""Stored commands over REST, with a device that polls over HTTP."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.api.deployment import Deployment
from tests.api.gadget import ONE_WAY, TWO_WAY, Gadget, claimed_gadget

STORED = "/api/rpc/persistent"


@pytest.fixture
async def gadget(deployment: Deployment) -> Gadget:
    return await claimed_gadget(deployment)


async def store(gadget: Gadget, path: str = TWO_WAY, who: str = "alice", **more: Any) -> str:
    """Store a command that lives for an hour; its id."""
    wish = {"method": "setPin", "params": {"pin": 7}, "persistent": True, "timeout": 3_600_000} | more
    answer = await gadget.called(path, who, json=wish)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["rpcId"]
    return str(answer.json()["rpcId"])


async def found(gadget: Gadget, rpc_id: str, who: str = "alice") -> dict[str, Any]:
    command: dict[str, Any] = await gadget.deployment.ok(who, "GET", f"{STORED}/{rpc_id}")
    return command


async def becomes(gadget: Gadget, rpc_id: str, status: str) -> None:
    """Wait until a command has this status: deliveries are noted in the background."""
    async with asyncio.timeout(20):
        while (await found(gadget, rpc_id))["status"] != status:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.005)


async def listed(gadget: Gadget, who: str = "alice", **query: Any) -> list[str]:
    asked = {"pageSize": 10, "page": 0} | query
    page = await gadget.deployment.ok(who, "GET", f"{STORED}/device/{gadget.id}", **asked)
    assert page["totalElements"] == len(page["data"])
    return [it["id"]["id"] for it in page["data"]]


@pytest.mark.parametrize("path", [TWO_WAY, "/api/plugins/rpc/twoway"])
async def test_a_command_is_stored_taken_and_replied_to(gadget: Gadget, path: str) -> None:
    """Thingsboard §6.7: the id at once, the reply later."""
    rpc_id = await store(gadget, path, retries=2, additionalInfo={"why": "test"})
    queued = await found(gadget, rpc_id)
    assert queued["id"] == {"entityType": "RPC", "id": rpc_id}
    assert (queued["status"], queued["response"], queued["additionalInfo"]) == (
        "QUEUED",
        None,
        {"why": "test"},
    )
    assert queued["deviceId"] == {"entityType": "DEVICE", "id": gadget.id}
    assert queued["expirationTime"] - queued["createdTime"] == 3_600_000
    request = queued["request"]
    assert request["body"] == {"method": "setPin", "params": '{"pin":7}'}
    assert (request["oneway"], request["persisted"], request["retries"]) == (False, True, 2)
    command = await gadget.reply_once(b'{"set":true}')
    assert command == {"id": command["id"], "method": "setPin", "params": {"pin": 7}}
    done = await found(gadget, rpc_id)
    assert (done["status"], done["response"]) == ("SUCCESSFUL", {"set": True})
    assert (await gadget.poll(timeout_ms=1)).status_code == 408


@pytest.mark.parametrize("path", [ONE_WAY, "/api/plugins/rpc/oneway"])
async def test_a_one_way_command_is_done_when_a_poll_has_taken_it(gadget: Gadget, path: str) -> None:
    """Thingsboard §6.7."""
    rpc_id = await store(gadget, path)
    assert (await gadget.poll()).json()["method"] == "setPin"
    assert (await gadget.poll(timeout_ms=20)).status_code == 408
    await becomes(gadget, rpc_id, "DELIVERED")


async def test_a_poll_that_waits_gets_it(gadget: Gadget) -> None:
    polled = asyncio.create_task(gadget.poll())
    await asyncio.sleep(0.05)
    await store(gadget)
    assert (await polled).json()["method"] == "setPin"


async def test_of_two_polls_one_gets_it(gadget: Gadget) -> None:
    polls = [asyncio.create_task(gadget.poll(timeout_ms=400)) for _ in range(2)]
    await asyncio.sleep(0.05)
    await store(gadget, ONE_WAY)
    assert sorted([(await it).status_code for it in polls]) == [200, 408]


async def test_commands_come_in_their_order(gadget: Gadget) -> None:
    for number in range(3):
        await store(gadget, method=f"m{number}")
    assert [(await gadget.poll()).json()["method"] for _ in range(3)] == ["m0", "m1", "m2"]


async def test_lists(gadget: Gadget) -> None:
    """Thingsboard §6.7."""
    first, second = await store(gadget), await store(gadget, method="blink")
    assert await listed(gadget) == [second, first]
    assert await listed(gadget, sortOrder="ASC") == [first, second]
    assert await listed(gadget, sortProperty="expirationTime", sortOrder="ASC") == [first, second]
    assert await listed(gadget, rpcStatus="SENT") == []
    await gadget.poll()
    await gadget.reply_once(b"1")
    assert await listed(gadget, rpcStatus="SUCCESSFUL") == [second]
    assert await listed(gadget, rpcStatus="delivered") == [first]
    assert await listed(gadget, textSearch="LINK") == [second]
    path = f"{STORED}/device/{gadget.id}"
    assert (await gadget.deployment.ok("alice", "GET", path, pageSize=1, page=1))["data"][0]["id"][
        "id"
    ] == first
    refused = await gadget.deployment.refused(400, "alice", "GET", path, rpcStatus="DELETED")
    assert "rpcStatus must be one of QUEUED" in refused["message"]


async def test_a_deleted_command_is_gone(gadget: Gadget) -> None:
    rpc_id = await store(gadget)
    await gadget.deployment.ok("alice", "DELETE", f"{STORED}/{rpc_id}")
    await gadget.deployment.refused(404, "alice", "GET", f"{STORED}/{rpc_id}")
    await gadget.deployment.refused(404, "alice", "DELETE", f"{STORED}/{rpc_id}")
    assert (await gadget.poll(timeout_ms=20)).status_code == 408
    assert [it["actionData"].get("deleted") for it in await gadget.audit()] == [True, None]


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("rival", 404), ("", 401)], ids=str)
async def test_others_neither_send_nor_see_them(gadget: Gadget, who: str, status: int) -> None:
    """Behaviour §5; attacks A: another tenant's is 404, another customer's 403."""
    rpc_id = await store(gadget)
    deployment = gadget.deployment
    assert (await gadget.called(who=who, json={"method": "m", "persistent": True})).status_code == status
    for method, path in (
        ("GET", f"{STORED}/{rpc_id}"),
        ("DELETE", f"{STORED}/{rpc_id}"),
        ("GET", f"{STORED}/device/{gadget.id}"),
    ):
        answer = await deployment.call(who, method, path)
        assert answer.status_code == status, answer.text
        assert "setPin" not in answer.text
    assert (await found(gadget, rpc_id, "maker"))["status"] == "QUEUED"


async def test_unknown_ids(deployment: Deployment) -> None:
    await deployment.refused(404, "maker", "GET", f"{STORED}/{uuid4()}")
    await deployment.refused(404, "maker", "GET", f"{STORED}/device/{uuid4()}")
    await deployment.refused(400, "maker", "GET", f"{STORED}/nonsense")


async def test_a_later_owner_never_sees_them_and_the_device_never_gets_them(gadget: Gadget) -> None:
    """Behaviour §5.2, §5.3."""
    deployment = gadget.deployment
    hers = await store(gadget)
    await deployment.ok("alice", "DELETE", "/api/customer/device/gadget/claim")
    assert (await gadget.poll(timeout_ms=20)).status_code == 408
    await deployment.refused(403, "alice", "GET", f"{STORED}/{hers}")
    await deployment.ok("", "POST", f"{gadget.address}/claim", {"secretKey": "k2"})
    await deployment.ok("bob", "POST", "/api/customer/device/gadget/claim", {"secretKey": "k2"})
    his = await store(gadget, who="bob")
    await deployment.refused(404, "bob", "GET", f"{STORED}/{hers}")
    await deployment.refused(404, "bob", "DELETE", f"{STORED}/{hers}")
    assert await listed(gadget, "bob") == [his]
    assert await listed(gadget, "maker") == [his, hers]
    ended = await found(gadget, hers, "maker")
    assert (ended["status"], list(ended["response"])) == ("FAILED", ["error"])


async def test_a_public_visitor_sees_no_parameters(gadget: Gadget) -> None:
    """Behaviour §4: visitors look at values; what was ordered may hold secrets."""
    deployment = gadget.deployment
    rpc_id = await store(gadget, who="maker")
    device = await deployment.ok("maker", "POST", f"/api/customer/public/device/{gadget.id}")
    login = {"publicId": device["customerId"]["id"]}
    deployment.tokens["visitor"] = (await deployment.ok("", "POST", "/api/auth/login/public", login))["token"]
    await deployment.refused(403, "visitor", "GET", f"{STORED}/{rpc_id}")
    await deployment.refused(403, "visitor", "GET", f"{STORED}/device/{gadget.id}")


@pytest.mark.parametrize("retries", [2**31, -(2**31) - 1, 10**30])
async def test_a_number_of_retries_that_is_none_is_refused(gadget: Gadget, retries: int) -> None:
    answer = await gadget.called(json={"method": "m", "persistent": True, "retries": retries})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_value")
    assert "retries" in answer.text


async def test_a_reply_that_comes_after_the_deed_ended_is_dropped(gadget: Gadget) -> None:
    """Behaviour §5.2, §5.3: neither owner gets it, and the next owner's command waits for its own."""
    former = await store(gadget)
    sent = (await gadget.poll()).json()
    await gadget.deployment.ok("alice", "DELETE", f"/api/customer/device/{gadget.name}/claim")
    customer_id = (await gadget.deployment.who("bob"))["customerId"]["id"]
    await gadget.deployment.ok("maker", "POST", f"/api/customer/{customer_id}/device/{gadget.id}")
    latter = await store(gadget, who="bob")
    await gadget.poll()
    late = {"content": b'{"secret":"of bob"}'}
    answer = await gadget.deployment.call("", "POST", f"{gadget.address}/rpc/{sent['id']}", **late)
    assert answer.status_code == 200
    assert (await found(gadget, latter, "bob"))["status"] in ("SENT", "DELIVERED")
    dropped = await found(gadget, former, "maker")
    assert (dropped["status"], list(dropped["response"])) == ("FAILED", ["error"])


async def test_the_audit_log_holds_method_and_id(gadget: Gadget) -> None:
    rpc_id = await store(gadget)
    (entry,) = await gadget.audit()
    expected = {
        "entityId": gadget.id,
        "oneWay": False,
        "method": "setPin",
        "persistent": True,
        "rpcId": rpc_id,
    }
    assert entry["actionData"] == expected


async def test_what_waits_is_bounded(gadget: Gadget) -> None:
    for _ in range(100):
        await store(gadget)
    answer = await gadget.called(json={"method": "m", "persistent": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "limit_reached")
