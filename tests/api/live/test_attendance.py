"""Who is connected: ends of sessions are heard at once, and nobody's many questions delay the others'."""

import asyncio
from typing import Any

import pytest

from deedbox.api.live.attendance import Attendance
from deedbox.api.live.settings import LiveSettings
from deedbox.api.live.sockets import POLICY_VIOLATION, Socket
from tests.api.deployment import PASSWORD, Deployment
from tests.api.live.live_site import LiveSite, live_site

#: Longer than any test: what ends, ends because it was told.
NEVER_S = 3600.0


async def _sign_out(site: LiveSite) -> None:
    await site.deployment.ok("bob", "POST", "/api/auth/logout")


async def _change_password(site: LiveSite) -> None:
    passwords = {"currentPassword": PASSWORD, "newPassword": "another password for bob"}
    await site.deployment.ok("bob", "POST", "/api/auth/changePassword", passwords)


async def _delete_user(site: LiveSite) -> None:
    await site.deployment.ok("maker", "DELETE", f"/api/user/{await site.deployment.user_id('bob')}")


async def _delete_customer(site: LiveSite) -> None:
    customer_id = (await site.deployment.who("bob"))["customerId"]["id"]
    await site.deployment.ok("maker", "DELETE", f"/api/customer/{customer_id}")


async def _delete_tenant(site: LiveSite) -> None:
    tenant_id = (await site.deployment.who("bob"))["tenantId"]["id"]
    await site.deployment.ok("root", "DELETE", f"/api/tenant/{tenant_id}")


@pytest.mark.parametrize("end", [_sign_out, _change_password, _delete_user, _delete_customer, _delete_tenant])
async def test_connections_end_at_once_with_their_session(deployment: Deployment, end: Any) -> None:
    """Attacks A18, A20."""
    async with live_site(deployment, sessions_asked_every_s=NEVER_S) as site, site.client("bob") as bob:
        assert await bob.is_quiet()
        await end(site)
        assert await bob.ended() == (POLICY_VIOLATION, "Your session has ended. Sign in again.")


async def test_others_stay_when_somebody_signs_out(deployment: Deployment) -> None:
    async with live_site(deployment, sessions_asked_every_s=NEVER_S) as site, site.client("alice") as alice:
        async with site.client("bob") as bob:
            assert await bob.is_quiet()
            await _sign_out(site)
            await bob.ended()
        assert await alice.is_quiet()


class _Asking(Socket):
    """Notes when its subscriptions are refreshed instead of refreshing them."""

    def __init__(self, name: str, subscriptions: int, turns: list[str], *parts: Any) -> None:
        super().__init__(*parts)
        self._name, self._turns, self._numbers = name, turns, list(range(subscriptions))

    @property
    def asking(self) -> list[int]:
        return self._numbers

    async def refresh(self, subscription_id: int) -> None:
        self._turns.append(f"{self._name} {subscription_id}")


async def test_questions_take_turns_by_user(deployment: Deployment) -> None:
    """Whoever asks much, on however many connections, is not served before others are."""
    parts, turns = deployment.parts, list[str]()
    settings = LiveSettings()
    attendance = Attendance(parts.storage, settings, NEVER_S)
    greedy = await parts.authenticator.authenticate(await deployment.token("alice"))
    modest = await parts.authenticator.authenticate(await deployment.token("bob"))
    who = [("first", 2, greedy), ("second", 2, greedy), ("modest", 1, modest)]
    sockets = [_Asking(name, count, turns, None, settings, it, it.actor(), None) for name, count, it in who]
    with attendance.visitor(sockets[0]), attendance.visitor(sockets[1]), attendance.visitor(sockets[2]):
        await attendance.refresh()
    assert turns == ["first 0", "modest 0", "first 1", "second 0", "second 1"]


async def test_sessions_end_while_a_question_takes_its_time(deployment: Deployment) -> None:
    """Attacks A18."""
    parts, asked = deployment.parts, asyncio.Event()

    class Slow(_Asking):
        async def refresh(self, subscription_id: int) -> None:
            asked.set()
            await asyncio.Event().wait()

    settings = LiveSettings()
    attendance = Attendance(parts.storage, settings, 0.01)
    parts.authenticator.watch(attendance.ask_soon)
    bob = await parts.authenticator.authenticate(await deployment.token("bob"))
    socket = Slow("slow", 1, [], None, settings, bob, bob.actor(), None)
    with attendance.visitor(socket):
        await asked.wait()
        await deployment.ok("bob", "POST", "/api/auth/logout")
        async with asyncio.timeout(20):
            await socket._left.wait()
