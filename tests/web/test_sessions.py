"""A browser's session goes on while somebody uses it, and ends where it should (behaviour §5; ux 5.2)."""

import asyncio

import httpx
import pytest

from deedbox.core.accounts.callers import Caller
from deedbox.core.errors import NotSignedIn
from deedbox.web.renewing import Renewals
from tests.web.pages_site import PASSWORD, PagesSite, cookie_of

ACCESS_MS, REFRESH_MS = 9_000_000, 604_800_000
SESSION, REFRESH = "__Host-session", "__Host-refresh"


def _refresh_token(browser: httpx.AsyncClient) -> str:
    return browser.cookies.get(REFRESH) or ""


async def test_a_session_goes_on_unnoticed(site: PagesSite) -> None:
    """Behaviour §5: when the sign-in token runs out, the next page brings a new one; for weeks."""
    browser = await site.signed_in("alice")
    for _ in range(10):
        before = _refresh_token(browser)
        site.bench.now_ms += REFRESH_MS - 1000
        answer = await browser.get("/d/devices")
        assert answer.status_code == 200 and "Alice and Ann" in answer.text
        assert _refresh_token(browser) not in ("", before)
        for name in (SESSION, REFRESH):
            cookie = cookie_of(answer, name)
            assert "HttpOnly" in cookie and "Secure" in cookie and "SameSite=lax" in cookie
        assert not cookie_of(await browser.get("/d/devices"), SESSION)


async def test_a_browser_that_dropped_the_token_goes_on(site: PagesSite) -> None:
    """Browsers forget the cookie when its token runs out."""
    browser = await site.signed_in("alice")
    browser.cookies.delete(SESSION)
    assert (await browser.get("/d/devices")).status_code == 200


async def test_a_form_in_the_middle_goes_through(site: PagesSite) -> None:
    """UX 1.4: whoever takes long to press a button need not press it twice."""
    device_id = await site.device("LAMP-0001")
    browser = await site.signed_in("alice")
    await browser.post("/d/intents", json={"label": "LAMP-0001.K3YOFTHEDEVICE234567ABCDEF"})
    site.bench.now_ms += ACCESS_MS
    site.bench._do("update claim_intent set expires_at = ?", site.bench.now_ms + 1000)
    await site.offer(device_id, "K3YOFTHEDEVICE234567ABCDEF")
    assert (await browser.post("/d/claim")).headers["location"] == f"/d/devices/{device_id}?added=1"


async def test_two_tabs_at_the_same_time(site: PagesSite) -> None:
    """Behaviour §5: a refresh token works once; two tabs that use it together are no thieves."""
    browser = await site.signed_in("alice")
    cookies = dict(browser.cookies)
    site.bench.now_ms += ACCESS_MS
    answers = await asyncio.gather(*(_alone(site, cookies) for _ in range(5)))
    assert {it.status_code for it in answers} == {200}
    assert len({cookie_of(it, REFRESH) for it in answers}) == 1


async def _alone(site: PagesSite, cookies: dict[str, str]) -> httpx.Response:
    async with site.browser() as browser:
        browser.cookies.update(cookies)
        return await browser.get("/d/devices")


async def test_a_lost_answer_ends_nothing(site: PagesSite) -> None:
    """A phone that lost the answer, and so the new tokens, comes again with the old ones."""
    browser = await site.signed_in("alice")
    cookies = dict(browser.cookies)
    site.bench.now_ms += ACCESS_MS
    assert (await _alone(site, cookies)).status_code == 200
    assert (await _alone(site, cookies)).status_code == 200


async def test_a_token_used_after_the_grace_ends_the_session(site: PagesSite) -> None:
    """Behaviour §5: used twice, a refresh token was stolen."""
    pair = await site.sign_ins.by_password("alice@example.org", PASSWORD, Caller("192.0.2.1"))
    renewals = Renewals(site.sign_ins, grace_s=0)
    renewed = await renewals.renew(pair.refresh_token, "192.0.2.1")
    await asyncio.sleep(0.01)
    for token in (pair.refresh_token, renewed.refresh_token):
        with pytest.raises(NotSignedIn):
            await renewals.renew(token, "192.0.2.1")


async def test_an_ended_session_is_forgotten_by_the_browser(site: PagesSite) -> None:
    """Ended elsewhere, or not used for too long: sign in again; the page does not ask again and again."""
    for end in ("delete from user_session", "update user_account set enabled = false"):
        browser = await site.signed_in("alice")
        site.bench._do(end)
        site.bench.now_ms += ACCESS_MS
        answer = await browser.get("/d/devices")
        assert answer.headers["location"] == "/d/sign-in"
        assert 'refresh=""' in cookie_of(answer, REFRESH) and "Max-Age=0" in cookie_of(answer, SESSION)
        assert not _refresh_token(browser)


async def test_signing_out_ends_both_tokens(site: PagesSite) -> None:
    """Behaviour §5: also of a session that is renewed by signing out."""
    for pause_ms in (0, ACCESS_MS):
        browser = await site.signed_in("alice")
        cookies = dict(browser.cookies)
        site.bench.now_ms += pause_ms
        await browser.post("/d/sign-out")
        assert not browser.cookies.get(SESSION) and not _refresh_token(browser)
        assert (await _alone(site, cookies)).headers["location"] == "/d/sign-in"
        assert site.rows("select 1 from user_session") == []


async def test_made_up_tokens_cost_attempts(site: PagesSite) -> None:
    """Behaviour §6: an address has few; then its real sessions are left alone, not ended."""
    real = await site.signed_in("alice")
    for number in range(7):
        await _alone(site, {REFRESH: f"made up {number}"})
    site.bench.now_ms += ACCESS_MS - 250_000
    site.bench._do("update spent_attempt set spent_at = ?", site.bench.now_ms)
    real.cookies.delete(SESSION)
    assert (await real.get("/d/devices")).status_code == 200


@pytest.mark.parametrize("path", ["/d/assets/page.js", "/d/assets/deedbox.css"])
async def test_files_renew_nothing(site: PagesSite, path: str) -> None:
    browser = await site.signed_in("alice")
    site.bench.now_ms += ACCESS_MS
    assert not cookie_of(await browser.get(path), SESSION)
