"""One's own sessions: seen, ended at once, and nobody else's; a sign-in from a new place is told by mail."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deedbox.mail.settings import MailSettings
from tests.api.deployment import EMAILS, PASSWORD, Deployment, copy_of, opened_deployment

SESSIONS = "/api/account/sessions"
LOGIN = {"username": EMAILS["alice"], "password": PASSWORD}


def caller(site: Deployment, address: str, token: str = "", client: str = "a script") -> httpx.AsyncClient:
    """A client at another source address."""
    transport = httpx.ASGITransport(app=site.application, client=(address, 1))
    headers = {"User-Agent": client} | ({"X-Authorization": f"Bearer {token}"} if token else {})
    return httpx.AsyncClient(transport=transport, base_url="http://deedbox.test", headers=headers)


async def signed_in(site: Deployment, address: str = "192.0.2.7") -> str:
    async with caller(site, address, client="Phone app\x00\n 1.0 " + "x" * 300) as client:
        return str((await client.post("/api/auth/login", json=LOGIN)).json()["token"])


async def test_each_session_says_where_it_is(deployment: Deployment) -> None:
    """UX §5.2: list and end sessions."""
    await signed_in(deployment)
    found: list[dict[str, Any]] = await deployment.ok("alice", "GET", SESSIONS)
    (mine,) = [it for it in found if it["current"]]
    (other,) = [it for it in found if it["address"] == "192.0.2.7"]
    assert found[0] is other and mine is not other
    assert other["client"].startswith("Phone app 1.0 xxx") and len(other["client"]) == 200
    assert mine["createdTime"] == mine["lastActivityTime"] < mine["expirationTime"]
    assert not {"refreshId", "refresh_id", "token"} & set(mine)


async def test_a_session_ends_at_once(deployment: Deployment) -> None:
    token = await signed_in(deployment)
    found = await deployment.ok("alice", "GET", SESSIONS)
    (other,) = [it["id"] for it in found if not it["current"] and it["address"] == "192.0.2.7"]
    async with caller(deployment, "192.0.2.7", token) as client:
        assert (await client.get("/api/auth/user")).status_code == 200
        await deployment.ok("alice", "DELETE", f"{SESSIONS}/{other}")
        assert (await client.get("/api/auth/user")).status_code == 401
    await deployment.refused(404, "alice", "DELETE", f"{SESSIONS}/{other}")


async def test_nobody_sees_or_ends_a_strangers_session(deployment: Deployment) -> None:
    """Attacks A12: an id is not enough."""
    (mine, *_) = await deployment.ok("alice", "GET", SESSIONS)
    for who in ("bob", "maker", "root", "rival"):
        await deployment.refused(404, who, "DELETE", f"{SESSIONS}/{mine['id']}")
        assert mine["id"] not in [it["id"] for it in await deployment.ok(who, "GET", SESSIONS)]
    await deployment.ok("alice", "GET", "/api/auth/user")


@pytest.mark.parametrize("keep", [True, False])
async def test_all_end_together(deployment: Deployment, keep: bool) -> None:
    token = await signed_in(deployment)
    await deployment.token("alice")
    await deployment.ok("alice", "DELETE", SESSIONS, keepCurrent=keep)
    mine = await deployment.call("alice", "GET", SESSIONS)
    assert mine.status_code == (200 if keep else 401)
    async with caller(deployment, "192.0.2.7", token) as client:
        assert (await client.get("/api/auth/user")).status_code == 401


async def test_a_refresh_is_activity(deployment: Deployment) -> None:
    pair = await deployment.sign_in(EMAILS["alice"])
    deployment.sql("update user_session set used_at = 1, created_at = 1")
    fresh = await deployment.ok("", "POST", "/api/auth/token", {"refreshToken": pair["refreshToken"]})
    deployment.tokens["alice"] = fresh["token"]
    (current,) = [it for it in await deployment.ok("alice", "GET", SESSIONS) if it["current"]]
    assert current["createdTime"] == 1 < current["lastActivityTime"]


@pytest.fixture
async def mailing(template_folder: Path, tmp_path: Path) -> AsyncIterator[Deployment]:
    mail = MailSettings(host="127.0.0.1", sender="d@x.test", base_url="https://x.test")
    async with opened_deployment(copy_of(template_folder, tmp_path / "data"), mail=mail) as opened:
        yield opened


async def test_a_sign_in_from_a_new_network_is_told_once(mailing: Deployment) -> None:
    """UX §5.3: notices on new sign-in."""
    await mailing.sign_in(EMAILS["alice"])
    assert not mailing.sql("select 1 from outgoing_mail")
    await signed_in(mailing)
    await signed_in(mailing)
    assert len(mailing.sql("select 1 from outgoing_mail")) == 1
