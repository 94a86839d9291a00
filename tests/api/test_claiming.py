"""Claim and reclaim over REST: scenario S, refusals, odd names, bodies (thingsboard §5.5, §11; behaviour §4).

Plain requests are answered without the framework, others through it; each test here goes both ways.
"""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.deployment import Deployment

KEY = {"secretKey": "value"}
ODD_NAMES = [
    "a/b",
    "a.b.c",
    "two words",
    "Äß漢字🙂",
    "percent%2Fsign",
    "x" * 255,
    "q?u#e&r=y",
    "+plus+",
]


@pytest.fixture(params=["plain", "framework"])
def way(request: pytest.FixtureRequest) -> str:
    """Query that decides which way a request takes; the parameter itself means nothing."""
    return "" if request.param == "plain" else "?unknown=parameter"


async def announce(deployment: Deployment, device: dict[str, Any], body: Any) -> dict[str, Any]:
    """Open a window as the device does; the answer's body."""
    token = await deployment.device_token(device["id"]["id"])
    answer = await deployment.call("", "POST", f"/api/v1/{token}/claim", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def claim(deployment: Deployment, who: str, name: str, body: Any, way: str = "") -> httpx.Response:
    """Claim by name; `body` None sends none."""
    path = f"/api/customer/device/{quote(name, safe='')}/claim{way}"
    more = {} if body is None else {"json": body}
    return await deployment.call(who, "POST", path, **more)


@pytest.mark.parametrize(
    ("first", "wrong", "second", "right"),
    [
        (KEY | {"durationMs": 1}, KEY, KEY | {"durationMs": 60_000}, KEY),
        ({"durationMs": 1}, {"secretKey": None}, {}, {"secretKey": None}),
        ({"durationMs": 1}, {}, {}, None),
    ],
)
async def test_scenario_s(
    deployment: Deployment, way: str, first: Any, wrong: Any, second: Any, right: Any
) -> None:
    """ThingsBoard's own claim scenario, over HTTP (thingsboard §11, scenario S)."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, first)
    await asyncio.sleep(0.005)
    expired = await claim(deployment, "alice", "lamp", wrong, way)
    assert (expired.status_code, expired.json()) == (400, "FAILURE")

    assert (await announce(deployment, device, second))["accepted"] is True
    won = await claim(deployment, "alice", "lamp", right, way)
    alice = await deployment.who("alice")
    assert won.status_code == 200
    assert won.json()["response"] == "SUCCESS"
    assert won.json()["device"]["id"] == device["id"]
    assert won.json()["device"]["customerId"] == alice["customerId"]

    again = await claim(deployment, "alice", "lamp", right, way)
    assert (again.status_code, again.json()) == (400, "CLAIMED")
    assert again.headers["content-type"] == "application/json"


async def test_a_wrong_key_leaves_the_window_open(deployment: Deployment, way: str) -> None:
    """A stranger's guess must not cost the holder the claim (behaviour §4.4; attacks A14, TB-2)."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {"secretKey": "value"})

    assert (await claim(deployment, "bob", "lamp", {"secretKey": "guess"}, way)).json() == "FAILURE"
    assert (await claim(deployment, "alice", "lamp", {"secretKey": "value"}, way)).status_code == 200
    assert (await claim(deployment, "bob", "lamp", {"secretKey": "value"}, way)).json() == "CLAIMED"


@pytest.mark.parametrize(("who", "status"), [("", 401), ("maker", 403), ("root", 403), ("rival", 403)])
async def test_who_may_not_claim(deployment: Deployment, way: str, who: str, status: int) -> None:
    """Only customers claim (behaviour §4); everybody else is told so in the usual body."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {"secretKey": "value"})

    answer = await claim(deployment, who, "lamp", {"secretKey": "value"}, way)

    assert answer.status_code == status
    assert answer.json()["errorCode"] == {401: 10, 403: 20}[status]
    assert {"status", "message", "errorCode", "timestamp", "code"} <= answer.json().keys()


async def test_an_unknown_name_is_not_found(deployment: Deployment, way: str) -> None:
    answer = await claim(deployment, "alice", "nowhere", {"secretKey": "value"}, way)

    assert answer.status_code == 404
    assert answer.json()["message"] == "Requested item wasn't found!"
    assert answer.json()["errorCode"] == 32


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_odd_names_are_exact_names(deployment: Deployment, way: str, name: str) -> None:
    """Names with slashes, dots, spaces, any letters, 255 characters (issue: bad input)."""
    device = await deployment.make_device(name)
    await announce(deployment, device, {"secretKey": "value"})

    answer = await claim(deployment, "alice", name, {"secretKey": "value"}, way)

    assert answer.status_code == 200, answer.text
    assert answer.json()["device"]["name"] == name


@pytest.mark.parametrize("name", ["%20", "%09%20"])
async def test_a_blank_name_is_refused(deployment: Deployment, way: str, name: str) -> None:
    answer = await deployment.call("alice", "POST", f"/api/customer/device/{name}/claim{way}", json={})

    assert answer.status_code == 400
    assert answer.json()["message"] == "Parameter 'deviceName' can't be empty!"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"null", 400),
        (b'{"secretKey": 12345}', 200),
        (b'{"secretKey": "12345", "more": [1, {"x": 2}]}', 200),
        (b'{"secretKey": "12345"', 400),
        (b"[]", 400),
        (b'"12345"', 400),
        (b'{"secretKey": {"a": 1}}', 400),
        (b"\xff\xfe", 400),
        (b'{"more": "\xff"}', 400),
        (b'{"more": ' + b"[" * 2000, 400),
        (json.dumps({"secretKey": "x" * 257}).encode(), 400),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_bodies(
    deployment: Deployment, way: str, content: bytes, status: int, content_type: str | None
) -> None:
    """Null, absent and "" are one key; numbers count as text; other fields are ignored (behaviour §2.4)."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {"secretKey": "12345"})
    headers = {"Content-Type": content_type} if content_type else {}

    answer = await deployment.call(
        "alice", "POST", f"/api/customer/device/lamp/claim{way}", content=content, headers=headers
    )

    assert answer.status_code == status, answer.text
    assert "12345" not in answer.text
    if status == 400:
        assert answer.json() == "FAILURE" or answer.json()["errorCode"] == 31


async def test_a_large_body_is_refused(deployment: Deployment, way: str) -> None:
    content = b'{"secretKey": "' + b"x" * (17 * 1024 * 1024) + b'"}'

    answer = await deployment.call("alice", "POST", f"/api/customer/device/lamp/claim{way}", content=content)

    assert answer.status_code == 413


async def test_too_many_wrong_keys(deployment: Deployment, way: str) -> None:
    """Five for a device, then 429 with Retry-After; another user is not concerned (behaviour §6.1)."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {"secretKey": "value"})
    wrong = [await claim(deployment, "bob", "lamp", {"secretKey": "guess"}, way) for _ in range(5)]
    assert {answer.status_code for answer in wrong} == {400}

    throttled = await claim(deployment, "bob", "lamp", {"secretKey": "value"}, way)

    assert throttled.status_code == 429
    assert throttled.json()["errorCode"] == 33
    assert 0 < int(throttled.headers["Retry-After"]) <= 300
    assert (await claim(deployment, "alice", "lamp", {"secretKey": "value"}, way)).status_code == 200


async def test_a_repeated_request_with_an_idempotency_key(deployment: Deployment, way: str) -> None:
    """SUCCESS is repeated for the same user, path, body and key; a changed body is another request."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {"secretKey": "value"})
    path, headers = f"/api/customer/device/lamp/claim{way}", {"Idempotency-Key": "once"}

    async def send(who: str, key: str) -> Any:
        answer = await deployment.call(who, "POST", path, json={"secretKey": key}, headers=headers)
        body = answer.json()
        return body["response"] if isinstance(body, dict) else body

    assert await send("alice", "value") == "SUCCESS"
    assert await send("alice", "value") == "SUCCESS"
    assert await send("alice", "other") == "CLAIMED"
    assert await send("bob", "value") == "CLAIMED"


async def test_reclaim_by_the_owner_and_by_nobody_else(deployment: Deployment) -> None:
    """The owner or the tenant ends it; others change nothing (behaviour §5.1; attacks A11, TB-1)."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {"secretKey": "value"})
    await claim(deployment, "alice", "lamp", {"secretKey": "value"})
    path = "/api/customer/device/lamp/claim"

    for stranger in ("bob", "rival"):
        assert (await deployment.call(stranger, "DELETE", path)).status_code in (403, 404)
    ended = await deployment.call("alice", "DELETE", path)
    assert (ended.status_code, ended.content) == (200, b"")
    assert (await deployment.call("alice", "DELETE", path)).status_code == 404
    assert (await deployment.call("maker", "DELETE", path)).status_code == 200
    replayed = await claim(deployment, "bob", "lamp", {"secretKey": "value"})
    assert replayed.json() == "FAILURE"


async def test_half_a_request_claims_nothing(deployment: Deployment, way: str) -> None:
    """A client that goes away before the end of its body has not asked for anything."""
    device = await deployment.make_device("lamp")
    await announce(deployment, device, {})
    answered: list[Any] = []
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/customer/device/lamp/claim",
        "raw_path": b"/api/customer/device/lamp/claim",
        "query_string": way.removeprefix("?").encode(),
        "headers": [
            (b"x-authorization", f"Bearer {await deployment.token('alice')}".encode()),
            (b"content-length", b"20"),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("deedbox.test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answered.append(message)

    await deployment.application(scope, receive, send)

    assert not any(it.get("status") == 200 for it in answered)
    assert (await claim(deployment, "alice", "lamp", {})).status_code == 200
