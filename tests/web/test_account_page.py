"""The page about one's own account: sessions, password (ux 5.2)."""

import re

import pytest

from deedbox.web.accounts.browsers import client_words
from tests.web.pages_site import PASSWORD, PagesSite, cookie_of

ACCOUNT = "/d/account"
NEW = "staple of all horses"
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36"


async def test_strangers_are_led_to_the_sign_in(site: PagesSite) -> None:
    async with site.browser() as browser:
        assert (await browser.get(ACCOUNT)).headers["location"] == "/d/sign-in"
        assert (await browser.post(f"{ACCOUNT}/password")).headers["location"] == "/d/sign-in"


@pytest.mark.parametrize("who", ["alice", "maker"])
async def test_everybody_has_one(site: PagesSite, who: str) -> None:
    """Owners and administrators alike."""
    page = (await (await site.signed_in(who)).get(ACCOUNT)).text
    assert f"{who}@example.org" in page and "This browser" in page and "Sign out everywhere else" not in page


async def test_other_sessions_are_ended_one_by_one_and_together(site: PagesSite) -> None:
    mine = await site.signed_in("alice")
    others = [await site.signed_in("alice") for _ in range(3)]
    page = (await mine.get(ACCOUNT)).text
    ends = re.findall(r'action="(/d/account/sessions/[0-9a-f-]{36}/end)"', page)
    assert len(ends) == 3
    assert (await mine.post(ends[0])).headers["location"] == f"{ACCOUNT}?done=session"
    left = [(await it.get("/d/devices")).status_code for it in others]
    assert sorted(left) == [200, 200, 303]
    await mine.post(f"{ACCOUNT}/sessions/end")
    assert [(await it.get("/d/devices")).status_code for it in others] == [303] * 3
    assert (await mine.get(ACCOUNT)).status_code == 200


async def test_a_new_password_leaves_this_browser_signed_in_only(site: PagesSite) -> None:
    """Sessions end on a password change."""
    mine, other = await site.signed_in("alice"), await site.signed_in("alice")
    changed = await mine.post(f"{ACCOUNT}/password", data={"current": PASSWORD, "password": NEW})
    assert changed.headers["location"] == f"{ACCOUNT}?done=password"
    assert "is in force" in (await mine.get(changed.headers["location"])).text
    assert (await other.get("/d/devices")).status_code == 303


BAD = [
    ("wrong", NEW, 422, "not your password until now"),
    (PASSWORD, PASSWORD, 422, "Choose another one"),
    (PASSWORD, "short", 422, "has 5 characters"),
    (PASSWORD, "password123", 422, "too easy to guess"),
    (PASSWORD, "", 422, "Type the password"),
]


@pytest.mark.parametrize(("current", "new", "status", "words"), BAD)
async def test_what_is_wrong_is_told_at_its_field(
    site: PagesSite, current: str, new: str, status: int, words: str
) -> None:
    mine = await site.signed_in("alice")
    answer = await mine.post(f"{ACCOUNT}/password", data={"current": current, "password": new})
    assert answer.status_code == status and answer.text.count(words) == 2
    assert "<title>Error:" in answer.text and 'aria-invalid="true"' in answer.text


async def test_the_known_browser_is_a_cookie_out_of_reach(site: PagesSite) -> None:
    """UX §5.2: `__Host-`, Secure, HttpOnly, SameSite."""
    async with site.browser() as browser:
        form = {"email": "alice@example.org", "password": PASSWORD}
        cookie = cookie_of(await browser.post("/d/sign-in", data=form), "__Host-device")
    assert (
        all(it in cookie for it in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))
        and "Domain" not in cookie
    )


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (PHONE, "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0", "Firefox on Windows"),
        ("python-requests/2.31", "python-requests/2.31"),
        ("", "A program without a name"),
    ],
)
def test_programs_in_words(client: str, words: str) -> None:
    assert client_words(client) == words
