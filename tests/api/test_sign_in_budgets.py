"""Wrong sign-ins cost their source address; they never lock the owner of an account out from elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deedbox.core.sign_in import SignInPolicy
from tests.api.deployment import EMAILS, PASSWORD, Deployment, copy_of, opened_deployment

WRONG = {"username": EMAILS["alice"], "password": "a wrong password"}
RIGHT = {"username": EMAILS["alice"], "password": PASSWORD}


@pytest.fixture
async def strict(template_folder: Path, tmp_path: Path) -> AsyncIterator[Deployment]:
    policy = SignInPolicy(attempts_per_address=3)
    async with opened_deployment(copy_of(template_folder, tmp_path / "data"), policy) as opened:
        yield opened


def elsewhere(strict: Deployment, address: str) -> httpx.AsyncClient:
    """A client of the same server at another source address."""
    application = strict.client._transport.app  # type: ignore[attr-defined]
    transport = httpx.ASGITransport(app=application, client=(address, 123))
    return httpx.AsyncClient(transport=transport, base_url="http://deedbox.test")


async def test_a_spent_budget_refuses_even_the_right_password_and_says_when(strict: Deployment) -> None:
    """Promised by behaviour §6.1."""
    for _ in range(3):
        await strict.refused(401, "", "POST", "/api/auth/login", WRONG)
    answer = await strict.call("", "POST", "/api/auth/login", json=RIGHT)
    assert (answer.status_code, answer.json()["errorCode"]) == (429, 33)
    assert 0 < int(answer.headers["Retry-After"]) <= 300


async def test_the_owner_signs_in_from_elsewhere_meanwhile(strict: Deployment) -> None:
    for _ in range(3):
        await strict.refused(401, "", "POST", "/api/auth/login", WRONG)
    async with elsewhere(strict, "192.0.2.7") as home:
        assert (await home.post("/api/auth/login", json=RIGHT)).status_code == 200


async def test_neighbours_in_one_ipv6_network_share_a_budget(strict: Deployment) -> None:
    for number in range(3):
        async with elsewhere(strict, f"2001:db8::{number}") as client:
            assert (await client.post("/api/auth/login", json=WRONG)).status_code == 401
    async with elsewhere(strict, "2001:db8::ffff") as near, elsewhere(strict, "2001:db8:1::1") as far:
        assert (await near.post("/api/auth/login", json=RIGHT)).status_code == 429
        assert (await far.post("/api/auth/login", json=RIGHT)).status_code == 200


async def test_right_passwords_cost_nothing(strict: Deployment) -> None:
    for _ in range(5):
        await strict.sign_in(EMAILS["alice"])


async def test_parallel_guesses_never_get_more_than_the_budget(strict: Deployment) -> None:
    """Promised by behaviour §6.1."""
    calls = [strict.call("", "POST", "/api/auth/login", json=WRONG) for _ in range(12)]
    answers = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert answers == [401] * 3 + [429] * 9


async def test_wrong_links_and_refresh_tokens_have_budgets_too(strict: Deployment) -> None:
    unknown_link = {"activateToken": "x" * 32, "password": PASSWORD}
    for path, body, status in (
        ("/api/noauth/activate", unknown_link, 400),
        ("/api/auth/token", {"refreshToken": "x"}, 401),
        ("/api/auth/login/public", {"publicId": "x"}, 401),
    ):
        for _ in range(3):
            await strict.refused(status, "", "POST", path, body)
        await strict.refused(429, "", "POST", path, body)


async def test_guessing_the_password_of_a_found_session_has_an_end(strict: Deployment) -> None:
    wanted = {"currentPassword": "a wrong password", "newPassword": "another good password"}
    for _ in range(3):
        await strict.refused(400, "alice", "POST", "/api/auth/changePassword", wanted)
    await strict.refused(429, "alice", "POST", "/api/auth/changePassword", wanted)


async def test_asking_for_a_reset_tells_nobody_who_is_here(strict: Deployment) -> None:
    for email in (EMAILS["alice"], "nobody@deedbox.test", "no address"):
        assert await strict.ok("", "POST", "/api/noauth/resetPasswordByEmail", {"email": email}) is None
    await strict.refused(429, "", "POST", "/api/noauth/resetPasswordByEmail", {"email": EMAILS["alice"]})
    noted = strict.sql("select entity_name from audit_entry where action = 'PASSWORD_RESET_REQUESTED'")
    assert noted == [(EMAILS["alice"],)]
