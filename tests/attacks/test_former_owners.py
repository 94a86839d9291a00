"""After a deed: what its owner still reaches (A18), and what the next one finds (A19), by every way in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from tests.api.deployment import EMAILS, PASSWORD, Deployment
from tests.attacks.openapi_walk import calls
from tests.attacks.test_cross_tenant import NEIGHBOURS_OWN, body_of, operations, owned_rows

ORIGIN = "http://deedbox.test"
OLD = "qzx-of-the-former-owner"
CLAIM = "/api/customer/device/lamp/claim"
VALUES = "/api/plugins/telemetry/DEVICE"


class Lamp:
    """A device that says what it is told to say."""

    def __init__(self, deployment: Deployment, device_id: str, token: str) -> None:
        self.id = device_id
        self._deployment = deployment
        self._path = f"/api/v1/{token}"

    async def offer(self, key: str) -> None:
        """Open a window."""
        await self._deployment.ok("", "POST", f"{self._path}/claim", {"secretKey": key})

    async def speak(self, word: str) -> None:
        """Send the word in every way, at a time that only this word has."""
        await self._deployment.ok("", "POST", f"{self._path}/telemetry", {f"t {word}": word, "t": word})
        await self._deployment.ok("", "POST", f"{self._path}/attributes", {f"a {word}": word, "a": word})


async def new_lamp(deployment: Deployment) -> Lamp:
    device_id = (await deployment.make_device("lamp"))["id"]["id"]
    return Lamp(deployment, device_id, await deployment.device_token(device_id))


@asynccontextmanager
async def browsing(deployment: Deployment, who: str) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser, signed in on the pages."""
    transport = httpx.ASGITransport(app=deployment.application)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Origin": ORIGIN}) as browser:
        answer = await browser.post("/d/sign-in", data={"email": EMAILS[who], "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield browser


async def live_as_owner(deployment: Deployment, who: str, lamp: Lamp) -> str:
    """Claim the lamp, let it speak, use it as its owner may; return the id of a command that waits for it."""
    await lamp.offer(f"{who}'s key")
    await deployment.ok(who, "POST", CLAIM, {"secretKey": f"{who}'s key"})
    await lamp.speak(OLD)
    await deployment.ok(
        who, "POST", f"{VALUES}/{lamp.id}/attributes/SHARED_SCOPE", {f"s {OLD}": OLD, "s": OLD}
    )
    wish = {"method": OLD, "params": OLD, "persistent": True, "timeout": 600_000}
    return str((await deployment.ok(who, "POST", f"/api/rpc/twoway/{lamp.id}", wish))["rpcId"])


async def test_a18_a_former_owner_is_out_at_once(deployment: Deployment) -> None:
    """Attacks A18, behaviour §5.4: every operation, with the tokens from before, and every page."""
    lamp = await new_lamp(deployment)
    things = {"DEVICE": [lamp.id], "RPC": [await live_as_owner(deployment, "alice", lamp)]}
    async with browsing(deployment, "alice") as browser:
        pages = [f"/d/devices/{lamp.id}{rest}" for rest in ("", "/live", "/release")]
        assert [(await browser.get(page)).status_code for page in pages] == [200] * 3
        await deployment.ok("maker", "DELETE", CLAIM)
        assert [(await browser.get(page)).status_code for page in pages] == [404] * 3
        assert lamp.id not in (await browser.get("/d/devices")).text
        for action in ("switch", "release"):
            answer = await browser.post(f"/d/devices/{lamp.id}/{action}", data={"on": "true"})
            assert answer.status_code in (403, 404)
    await deployment.parts.storage.settle([UUID(lamp.id)])
    before = owned_rows(deployment, {UUID(lamp.id).bytes}, NEIGHBOURS_OWN)
    document = (await deployment.call("", "GET", "/docs/openapi.json")).json()
    tried = 0
    for method, template in operations(document):
        for call in calls(document, method, template, things):
            answer = await deployment.call(
                "alice", call.method, call.path, params=call.query, **body_of(call)
            )
            told = f"{call}: {answer.status_code} {answer.text[:300]}"
            assert OLD not in answer.text and answer.status_code < 500, told
            assert answer.status_code != 200 or lamp.id not in call.path + answer.text, told
            tried += 1
    assert tried > 60
    assert owned_rows(deployment, {UUID(lamp.id).bytes}, NEIGHBOURS_OWN) == before


async def test_a19_the_next_owner_sees_nothing_old(deployment: Deployment) -> None:
    """Attacks A19, behaviour §5.3: every operation that reads, every page; the device's own view, too."""
    lamp = await new_lamp(deployment)
    command_id = await live_as_owner(deployment, "alice", lamp)
    await deployment.ok("alice", "DELETE", CLAIM)
    await lamp.offer("bob's key")
    await deployment.ok("bob", "POST", CLAIM, {"secretKey": "bob's key"})
    await _assert_nothing_old(deployment, lamp, command_id)
    await lamp.speak("new")
    await _assert_nothing_old(deployment, lamp, command_id)
    seen = await deployment.ok(
        "bob", "GET", f"{VALUES}/{lamp.id}/values/timeseries", keys="t", startTs=0, endTs=2**42
    )
    assert [it["value"] for it in seen["t"]] == ["new"]


async def _assert_nothing_old(deployment: Deployment, lamp: Lamp, command_id: str) -> None:
    document = (await deployment.call("", "GET", "/docs/openapi.json")).json()
    things = {"DEVICE": [lamp.id], "RPC": [command_id]}
    read = 0
    for method, template in operations(document):
        for call in calls(document, method, template, things):
            if method == "get":
                query = call.query | (
                    {"keys": f"t {OLD},a {OLD},s {OLD},t,a,s"} if "keys" in call.query else {}
                )
                answer = await deployment.call("bob", "GET", call.path, params=query)
                # The names of the keys are in no answer either, but where the question names them.
                assert OLD not in answer.text, f"{call}: {answer.text[:500]}"
                read += answer.status_code == 200
    assert read > 10
    async with browsing(deployment, "bob") as browser:
        for page in (f"/d/devices/{lamp.id}", f"/d/devices/{lamp.id}/live", "/d/devices"):
            answer = await browser.get(page)
            assert answer.status_code == 200
            assert OLD not in answer.text
    device = lamp._path
    told = await deployment.ok("", "GET", f"{device}/attributes", clientKeys="a", sharedKeys="s")
    assert OLD not in str(told)
