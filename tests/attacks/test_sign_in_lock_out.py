"""Locking an owner out by guessing at the account (ux §5.1): strangers spend the strangers' budget only."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deedbox.core.sign_in import SignInPolicy
from tests.api.deployment import EMAILS, PASSWORD, Deployment, copy_of, make_template, opened_deployment

LIMIT = 6


@pytest.fixture
async def site(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> AsyncIterator[Deployment]:
    template = tmp_path_factory.mktemp("template") / "data"
    await make_template(template)
    policy = SignInPolicy(attempts_per_address=3, attempts_per_account=LIMIT, attempts_per_device=2)
    async with opened_deployment(copy_of(template, tmp_path / "data"), policy) as opened:
        yield opened


def browser(site: Deployment, address: str, device: str = "") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=site.application, client=(address, 1))
    cookies = {"device": device} if device else {}
    headers = {"Origin": "http://deedbox.test"}
    return httpx.AsyncClient(
        transport=transport, base_url="http://deedbox.test", cookies=cookies, headers=headers
    )


async def attempt(
    site: Deployment, address: str, email: str, password: str = "wrong", device: str = ""
) -> httpx.Response:
    async with browser(site, address, device) as client:
        return await client.post("/d/sign-in", data={"email": email, "password": password})


async def known_device(site: Deployment, address: str = "192.0.2.1") -> str:
    answer = await attempt(site, address, EMAILS["alice"], PASSWORD)
    assert answer.status_code == 303
    return answer.cookies["device"]


async def attacked(site: Deployment, email: str) -> list[int]:
    """What many networks together are answered."""
    return [(await attempt(site, f"203.0.113.{it}", email)).status_code for it in range(LIMIT + 2)]


async def test_a_botnet_gets_no_more_tries_than_the_account_has(site: Deployment) -> None:
    assert await attacked(site, EMAILS["alice"]) == [401] * LIMIT + [429] * 2


async def test_an_account_that_does_not_exist_answers_alike(site: Deployment) -> None:
    """Attacks A03: known and unknown accounts alike."""
    assert await attacked(site, "nobody@deedbox.test") == [401] * LIMIT + [429] * 2


async def test_the_owner_is_not_locked_out(site: Deployment) -> None:
    device = await known_device(site)
    await attacked(site, EMAILS["alice"])
    elsewhere = await attempt(site, "198.51.100.9", EMAILS["alice"], PASSWORD, device)
    assert elsewhere.status_code == 303, "the browser is known, wherever it is"
    near = await attempt(site, "192.0.2.1", EMAILS["alice"], PASSWORD)
    assert near.status_code == 303, "the network is known, whatever the program"
    new = await attempt(site, "198.51.100.10", EMAILS["alice"], PASSWORD)
    assert new.status_code == 429


async def test_a_new_password_lets_the_owner_in_meanwhile(site: Deployment) -> None:
    """Whoever gets the account's mail is known at once, in a new browser in a new place, too."""
    await attacked(site, EMAILS["alice"])
    link = await site.ok("maker", "GET", f"/api/user/{await site.user_id('alice')}/resetLink")
    form = {"token": link["value"].partition("resetToken=")[2], "password": "another good password"}
    async with browser(site, "198.51.100.9") as client:
        answer = await client.post("/login/resetPassword", data=form)
        assert answer.headers["location"] == "/d/devices" and "session" in answer.cookies


async def test_a_neighbour_who_guesses_locks_no_known_browser_out(site: Deployment) -> None:
    device = await known_device(site)
    answers = [(await attempt(site, "192.0.2.1", EMAILS["bob"])).status_code for _ in range(4)]
    assert answers == [401] * 3 + [429]
    assert (await attempt(site, "192.0.2.1", EMAILS["alice"], PASSWORD, device)).status_code == 303


async def test_a_stolen_or_made_up_device_token_guesses_no_more(site: Deployment) -> None:
    """A known browser has a budget of its own; its token is worth nothing for another account."""
    device = await known_device(site)
    mine = [
        (await attempt(site, f"203.0.113.{it}", EMAILS["alice"], device=device)).status_code
        for it in range(4)
    ]
    assert mine == [401] * 2 + [429] * 2
    foreign = [
        (await attempt(site, "203.0.113.99", EMAILS["bob"], device=it)).status_code
        for it in (device, "00" * 33, "x", device[:-2])
    ]
    assert foreign == [401] * 3 + [429]


async def test_right_passwords_give_back_what_they_took(site: Deployment) -> None:
    for number in range(LIMIT + 2):
        assert (await attempt(site, f"203.0.113.{number}", EMAILS["alice"], PASSWORD)).status_code == 303
    assert not site.sql("select 1 from spent_attempt")
