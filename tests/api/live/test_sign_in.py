"""Who may open a WebSocket, how long it lasts, and how many of them there are."""

import contextlib
import json

import pytest
from websockets.exceptions import InvalidStatus

from deedbox.api.live.settings import LiveSettings
from tests.api.deployment import PASSWORD, Deployment
from tests.api.live.conftest import Gadget
from tests.api.live.live_site import LiveSite, live_site

POLICY_VIOLATION, TRY_AGAIN_LATER = 1008, 1013


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ({"cmds": []}, "Sign in first"),
        ({"authCmd": {"cmdId": 0}}, "Sign in first"),
        ({"authCmd": {"cmdId": 0, "apiKey": "dbk_x"}}, "This API key is misspelt"),
        ({"authCmd": {"cmdId": 0, "token": "wrong"}}, "Authentication failed"),
        ({"authCmd": "wrong"}, "Expected `object`"),
        (["authCmd"], "must be a JSON object"),
    ],
)
async def test_who_does_not_sign_in_first_is_closed(site: LiveSite, first: object, reason: str) -> None:
    """Thingsboard §6.9."""
    async with site.stranger() as client:
        await client.send(first)
        code, said = await client.ended()
    assert code == POLICY_VIOLATION
    assert reason in said


async def test_an_api_key_signs_in_and_its_end_ends_the_connection(site: LiveSite) -> None:
    """Thingsboard §6.9: `apiKey` in the place of `token`."""
    key = await site.deployment.ok("alice", "POST", "/api/apiKey", {"description": "wall display"})
    async with site.stranger() as client:
        await client.send({"authCmd": {"cmdId": 0, "apiKey": key["value"]}})
        assert await client.is_quiet()
        await site.deployment.ok("alice", "DELETE", f"/api/apiKey/{key['id']['id']}")
        assert (await client.ended())[0] == POLICY_VIOLATION


@pytest.mark.parametrize("first", ["{", b"\x00\x01"])
async def test_what_is_no_json_is_closed_before_sign_in(site: LiveSite, first: str | bytes) -> None:
    async with site.stranger() as client:
        await client.connection.send(first)
        assert (await client.ended())[0] == POLICY_VIOLATION


async def test_who_says_nothing_is_closed(deployment: Deployment) -> None:
    async with live_site(deployment, LiveSettings(sign_in_timeout_s=1)) as site, site.stranger() as client:
        code, reason = await client.ended()
    assert (code, reason[:14]) == (POLICY_VIOLATION, "Sign in first:")


async def test_a_wrong_token_in_an_older_address_is_refused_as_rest_does(site: LiveSite) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with site.stranger("/api/ws/plugins/telemetry?token=wrong"):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["code"] == "not_signed_in"


@pytest.mark.parametrize("path", ["/api/ws/other", "/api/v1/x/telemetry", "/"])
async def test_there_are_no_other_web_sockets(site: LiveSite, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with site.stranger(path):
            pass
    assert refused.value.response.status_code == 404


async def test_the_token_is_taken_from_the_older_address_only(site: LiveSite) -> None:
    token = await site.deployment.token("alice")
    async with site.stranger(f"/api/ws?token={token}") as client:
        await client.send({"cmds": []})
        assert (await client.ended())[0] == POLICY_VIOLATION


async def test_a_sign_out_ends_the_connection(site: LiveSite, gadget: Gadget) -> None:
    await site.deployment.token("alice")
    async with site.client("alice") as client:
        await client.ask("TIMESERIES", 1, entityType="DEVICE", entityId=gadget.id)
        await site.deployment.ok("alice", "POST", "/api/auth/logout")
        assert await client.ended() == (POLICY_VIOLATION, "Your session has ended. Sign in again.")


async def test_a_disabled_user_is_thrown_out(site: LiveSite) -> None:
    user_id = await site.deployment.user_id("alice")
    async with site.client("alice") as client:
        assert await client.is_quiet()
        path = f"/api/user/{user_id}/userCredentialsEnabled"
        await site.deployment.ok("maker", "POST", path, userCredentialsEnabled="false")
        assert (await client.ended())[0] == POLICY_VIOLATION


async def test_a_newer_token_of_the_same_person_is_taken_and_another_persons_is_not(site: LiveSite) -> None:
    newer = (await site.deployment.sign_in("alice@deedbox.test", PASSWORD))["token"]
    async with site.client("alice") as client:
        await client.send({"authCmd": {"cmdId": 0, "token": newer}})
        assert await client.is_quiet()
        await client.send({"authCmd": {"cmdId": 0, "token": await site.deployment.token("bob")}})
        assert (await client.ended())[0] == POLICY_VIOLATION


async def test_one_user_has_so_many_connections(deployment: Deployment) -> None:
    async with live_site(deployment, LiveSettings(sockets_per_user=1)) as site:
        async with site.client("alice") as first, site.client("alice") as second:
            assert await first.is_quiet()
            assert (await second.ended())[0] == TRY_AGAIN_LATER
        async with site.client("alice") as third, site.client("bob") as other:
            assert await third.is_quiet()
            assert await other.is_quiet()


async def test_the_server_has_so_many_connections(deployment: Deployment) -> None:
    async with (
        live_site(deployment, LiveSettings(sockets=1)) as site,
        site.client("alice") as first,
    ):
        assert await first.is_quiet()
        async with site.stranger() as second:
            assert (await second.ended())[0] == TRY_AGAIN_LATER


@pytest.mark.parametrize("settings", [LiveSettings(sockets_signing_in=3), LiveSettings(sockets=3)])
async def test_silent_connections_make_room_for_those_that_sign_in(
    deployment: Deployment, settings: LiveSettings
) -> None:
    """Nobody is kept out by connections that never say who they are."""
    async with live_site(deployment, settings) as site, contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(site.stranger()) for _ in range(6)]
        for each in silent[:3]:
            assert (await each.ended())[0] == POLICY_VIOLATION
        async with site.client("alice") as alice:
            assert await alice.is_quiet()
