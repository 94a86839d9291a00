"""Where activation and reset links lead: set a password, be signed in (behaviour §5; ux 1.5, 5.2)."""

from uuid import UUID, uuid4

import httpx
import pytest

from deedbox.core import invitations
from deedbox.core.permissions import Authority
from deedbox.core.records import Actor
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.users import User
from deedbox.storage.stores import Stores
from tests.web.pages_site import KEY, PASSWORD, PagesSite, cookie_of

NEW = "Öl & Essig, dazu Brot"
CREATE, RESET = "/login/createPassword", "/login/resetPassword"


async def _invited(site: PagesSite, name: str = "dora", customer_id: UUID | None = None) -> str:
    """Return the token of an invitation."""
    authority = Authority.CUSTOMER_USER if customer_id else Authority.TENANT_ADMIN
    user = User(
        uuid4(), site.maker_id, customer_id, f"{name}@example.org", authority,
        None, None, None, "{}", enabled=True, activated=False, created_at=0, version=1,
    )  # fmt: skip

    async def work(stores: Stores) -> str:
        await stores.users.add_user(user)
        return (await invitations.invite(stores.users, site.keys, SignInPolicy(), user)).token

    return await site.storage.write(work)


async def _reset_token(site: PagesSite, email: str) -> str:
    async def work(stores: Stores) -> str:
        account = await stores.users.find_account(email)
        assert account is not None
        actor = Actor(account.user.id, None, None, "", "192.0.2.1")
        link = await invitations.reset_link(stores.users, site.keys, SignInPolicy(), actor, account.user)
        return link.token

    return await site.storage.write(work)


async def _send(
    browser: httpx.AsyncClient, token: str, password: str = NEW, path: str = CREATE
) -> httpx.Response:
    return await browser.post(path, data={"token": token, "password": password})


async def test_an_invitation_becomes_an_account(site: PagesSite) -> None:
    """Behaviour §5: the link shows whom it is for; the password signs in, here and from then on."""
    token = await _invited(site, customer_id=site.alices)
    async with site.browser() as browser:
        asked = await browser.get(CREATE, params={"activateToken": token})
        assert asked.status_code == 200 and "dora@example.org" in asked.text
        assert 'autocomplete="new-password"' in asked.text and 'autocomplete="username"' in asked.text
        assert (await _send(browser, token)).headers["location"] == "/d/devices"
        assert "Alice and Ann" in (await browser.get("/d/devices")).text
        await browser.post("/d/sign-out")
        form = {"email": "dora@example.org", "password": NEW}
        assert (await browser.post("/d/sign-in", data=form)).headers["location"] == "/d/devices"


async def test_a_scanned_label_survives_the_invitation(site: PagesSite) -> None:
    """UX 1.4: whoever scanned first and was invited then goes on with the label."""
    await site.device("LAMP-0001")
    token = await _invited(site, customer_id=site.alices)
    async with site.browser() as browser:
        await browser.post("/d/intents", json={"label": f"LAMP-0001.{KEY}"})
        assert (await _send(browser, token)).headers["location"] == "/d/add"
    assert site.steps == ["scanned", "signed_up"]


async def test_an_administrator_is_told_where_the_api_is(site: PagesSite) -> None:
    token = await _invited(site)
    async with site.browser() as browser:
        welcome = await browser.get((await _send(browser, token)).headers["location"])
    assert (
        welcome.status_code == 200 and 'href="/docs"' in welcome.text and "dora@example.org" in welcome.text
    )


async def test_a_reset_link_replaces_the_password(site: PagesSite) -> None:
    """Behaviour §5: all sessions end, a new one begins here, the old password is worth nothing."""
    elsewhere, token = await site.signed_in("alice"), await _reset_token(site, "alice@example.org")
    async with site.browser() as browser:
        asked = await browser.get(RESET, params={"resetToken": token})
        assert "alice@example.org" in asked.text
        assert (await _send(browser, token, path=RESET)).headers["location"] == "/d/devices"
        assert (await browser.get("/d/devices")).status_code == 200
        assert (await elsewhere.get("/d/devices")).headers["location"] == "/d/sign-in"
        old = {"email": "alice@example.org", "password": PASSWORD}
        assert (await elsewhere.post("/d/sign-in", data=old)).status_code == 401


BAD = [
    ("", "Type the password"),
    ("short", "has 5 characters"),
    ("x" * 129, "has 129 characters"),
    ("password123", "too easy to guess"),
    ("aaaaaaaaaaaa", "too easy to guess"),
    ("dora@example.org", "too easy to guess"),
]


@pytest.mark.parametrize(("password", "words"), BAD)
async def test_bad_passwords_are_told_beside_the_field(site: PagesSite, password: str, words: str) -> None:
    """UX 1.5: what is wrong, above the form and at its field; the link still works afterwards."""
    token = await _invited(site, customer_id=site.alices)
    async with site.browser() as browser:
        refused = await _send(browser, token, password)
        assert refused.status_code == 422 and refused.text.count(words) == 2
        assert 'aria-invalid="true"' in refused.text and "<title>Error:" in refused.text
        assert not password or f'"{password}"' not in refused.text.replace('value="dora@example.org"', "")
        assert (await _send(browser, token)).status_code == 303


@pytest.mark.parametrize("path", [CREATE, RESET])
@pytest.mark.parametrize("token", ["", "wrong", "ü" * 300, "A" * 32])
async def test_wrong_links_say_what_to_do(site: PagesSite, path: str, token: str) -> None:
    async with site.browser() as browser:
        asked = await browser.get(path, params={"activateToken": token, "resetToken": token})
        sent = await _send(browser, token, path=path)
    for answer in (asked, sent):
        assert answer.status_code == 404 and "This link does not work" in answer.text
        assert not cookie_of(answer, "__Host-session")


async def test_used_and_expired_links_say_what_to_do(site: PagesSite) -> None:
    used, expired = await _invited(site), await _invited(site, "emil")
    async with site.browser() as browser:
        assert (await _send(browser, used)).status_code == 303
        assert "This link does not work" in (await _send(browser, used)).text
        site.bench.now_ms += 86_400_000
        assert (await browser.get(CREATE, params={"activateToken": expired})).status_code == 404


async def test_a_link_of_one_kind_is_none_of_the_other(site: PagesSite) -> None:
    invitation, reset = await _invited(site), await _reset_token(site, "alice@example.org")
    async with site.browser() as browser:
        assert (await _send(browser, invitation, path=RESET)).status_code == 404
        assert (await _send(browser, reset, path=CREATE)).status_code == 404


async def test_a_disabled_user_can_not_activate(site: PagesSite) -> None:
    token = await _invited(site)
    site.bench._do("update user_account set enabled = false where email = 'dora@example.org'")
    async with site.browser() as browser:
        answer = await _send(browser, token)
    assert answer.status_code == 403 and "switched off" in answer.text


async def test_guessing_links_is_limited(site: PagesSite) -> None:
    """Behaviour §6: wrong links cost the source address its attempts."""
    async with site.browser() as browser:
        answers = [await browser.get(CREATE, params={"activateToken": f"guess {it}"}) for it in range(6)]
    assert [it.status_code for it in answers] == [404] * 5 + [429]
    assert answers[-1].headers["retry-after"] and "labels" not in answers[-1].text


async def test_no_other_page_is_told_the_token(site: PagesSite) -> None:
    """UX 5.2: no Referer with the token, yet the form's origin is told; nothing is kept."""
    token = await _invited(site)
    async with site.browser() as browser:
        answers = [
            await browser.get(CREATE, params={"activateToken": token}),
            await browser.get(CREATE, params={"activateToken": "wrong"}),
        ]
    for answer in answers:
        assert answer.headers["referrer-policy"] == "strict-origin"
        assert answer.headers["cache-control"] == "no-store"
    assert token not in repr(answers[0].headers)


async def test_the_usual_addresses_lead_to_the_sign_in(site: PagesSite) -> None:
    async with site.browser() as browser:
        assert (await browser.get("/login")).headers["location"] == "/d/sign-in"
