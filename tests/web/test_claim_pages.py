"""The claim page as a browser meets it: label, intent, sign-in, confirm, claim (behaviour §4, §6.7; qr)."""

from pathlib import Path

import httpx
import pytest

from deedbox.core.labels import new_short_code
from tests.web.pages_site import KEY, NOW, PASSWORD, PagesSite, cookie_of

NAME = "THERMO-000123"


async def _scan(browser: httpx.AsyncClient, label: str) -> httpx.Response:
    return await browser.post("/d/intents", json={"label": label})


async def _sign_in(browser: httpx.AsyncClient, who: str = "alice") -> httpx.Response:
    form = {"email": f"{who}@example.org", "password": PASSWORD}
    return await browser.post("/d/sign-in", data=form)


async def test_scan_sign_in_confirm_claim(site: PagesSite) -> None:
    """Behaviour §4: the whole way; the label survives the sign-in."""
    device_id = await site.device(NAME)
    async with site.browser() as browser:
        assert (await _scan(browser, f"{NAME}.{KEY}")).status_code == 204
        strange = await browser.get("/d/add")
        assert "Sign in to add the device" in strange.text and "…0123" in strange.text
        assert (await _sign_in(browser)).headers["location"] == "/d/add"
        confirm = await browser.get("/d/add")
        assert "Alice and Ann" in confirm.text and "alice@example.org" in confirm.text
        claimed = await browser.post("/d/claim")
        assert claimed.headers["location"] == f"/d/devices/{device_id}?added=1"
        assert NAME in (await browser.get(f"/d/devices/{device_id}")).text
    assert site.steps == ["scanned", "signed_in", "asked", "succeeded"]


async def test_a_second_tap_and_a_second_scan_land_on_the_device(site: PagesSite) -> None:
    """Behaviour §4: a repeated claim of one's own device is no error and spends nothing."""
    device_id = await site.device(NAME)
    browser = await site.signed_in("alice")
    await _scan(browser, f"{NAME}.{KEY}")
    for _ in range(3):
        tapped = await browser.post("/d/claim")
        assert tapped.headers["location"].startswith(f"/d/devices/{device_id}")
    await _scan(browser, f"{NAME}.{KEY}")
    assert (await browser.get("/d/add")).headers["location"] == f"/d/devices/{device_id}"
    again = await browser.post("/d/claim")
    assert again.headers["location"] == f"/d/devices/{device_id}"
    assert len(site.rows("select id from deed")) == 1


async def test_no_get_claims(site: PagesSite) -> None:
    """Attacks A29: whatever is opened with a label, only the confirmation claims."""
    await site.device(NAME)
    browser = await site.signed_in("alice")
    await _scan(browser, f"{NAME}.{KEY}")
    for path in ("/", "/d", "/d/add", "/d/claim", "/d/intents", "/d/devices"):
        await browser.get(path)
    assert site.rows("select id from deed") == []


async def test_intents_answer_alike(site: PagesSite) -> None:
    """Behaviour §6.7: right, wrong and unknown labels, long keys and short codes: the same answer."""
    code = new_short_code(bytes(range(16)))
    await site.device(NAME)
    labels = [f"{NAME}.{KEY}", f"{NAME}.wrong", f"UNKNOWN-0123.{KEY}", f"{NAME}.{code}", f"{NAME}."]
    seen = set()
    for label in labels:
        async with site.browser() as browser:
            kept = await _scan(browser, label)
            cookie = cookie_of(kept, "__Host-claim")
            headers = sorted(name for name in kept.headers if name != "set-cookie")
            shown = await browser.get("/d/add")
            seen.add((kept.status_code, kept.content, len(cookie), *headers, shown.text))
    assert len(seen) == 1


async def test_the_cookie_is_out_of_reach(site: PagesSite) -> None:
    """UX 5.2: `__Host-` over HTTPS; without it, and without Secure, over plain HTTP only, which says so."""
    await site.device(NAME)
    async with site.browser() as browser:
        cookie = cookie_of(await _scan(browser, f"{NAME}.{KEY}"), "__Host-claim").lower()
        assert all(it in cookie for it in ("httponly", "secure", "path=/", "samesite=lax", "max-age=1800"))
        assert "domain" not in cookie
        session = cookie_of(await _sign_in(browser), "__Host-session").lower()
        assert all(it in session for it in ("httponly", "secure", "path=/", "samesite=lax"))
        assert "not encrypted" not in (await browser.get("/d")).text
    async with site.browser("http://things.test") as plain:
        cookie = cookie_of(await _scan(plain, f"{NAME}.{KEY}"), "claim").lower()
        assert "httponly" in cookie and "secure" not in cookie
        assert "not encrypted" in (await plain.get("/d")).text


async def test_an_intent_ends_after_half_an_hour(site: PagesSite) -> None:
    """Behaviour §6.7: at most 30 minutes, and it says what to do next."""
    await site.device(NAME)
    browser = await site.signed_in("alice")
    await _scan(browser, f"{NAME}.{KEY}")
    site.bench.now_ms += 30 * 60_000 + 1
    late = await browser.get("/d/add")
    assert late.status_code == 404 and "scan the label again" in late.text
    assert (await browser.post("/d/claim")).headers["location"] == "/d/add"
    assert site.rows("select id from deed") == []


async def test_an_intent_is_encrypted_and_found_by_a_digest(site: PagesSite) -> None:
    """Behaviour §6.6, §6.7: neither the label nor the cookie's value lies in the database."""
    async with site.browser() as browser:
        kept = await _scan(browser, f"{NAME}.{KEY}")
    token = cookie_of(kept, "__Host-claim").partition("=")[2].partition(";")[0]
    (row,) = site.rows("select * from claim_intent")
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert KEY.encode() not in stored and NAME.encode() not in stored and token.encode() not in stored


async def test_scans_have_a_budget_per_address(site: PagesSite) -> None:
    """Behaviour §6.1: per IPv4 address, per /64 of IPv6; the wait is told."""
    networks = ["192.0.2.1"] * 60 + ["2001:db8:1:2::1"] * 59 + ["2001:db8:1:2:ffff::9"]
    for address in networks:
        async with site.browser(address=address) as browser:
            assert (await _scan(browser, "A.1")).status_code == 204
    for address in ("192.0.2.1", "2001:db8:1:2::77"):
        async with site.browser(address=address) as browser:
            scanned = await _scan(browser, "A.1")
            typed = await browser.post("/d/intents", data={"name": "A", "key": "1"})
            assert scanned.status_code == typed.status_code == 429
            assert int(scanned.headers["retry-after"]) > 0 and "data-countdown" in typed.text
    async with site.browser(address="192.0.2.2") as neighbour:
        assert (await _scan(neighbour, "A.1")).status_code == 204


async def test_the_oldest_intents_give_way(tmp_path: Path) -> None:
    """Behaviour §6.7: intents are capped in number."""
    few = PagesSite(tmp_path, NOW, most_intents=3)
    await few.open()
    browsers = [few.browser() for _ in range(5)]
    for browser in browsers:
        few.bench.now_ms += 1000
        await _scan(browser, "A-1.1")
    assert len(few.rows("select 1 from claim_intent")) == 3
    assert [(await it.get("/d/add")).status_code for it in browsers] == [404, 404, 200, 200, 200]
    await few.close()


BAD_LABELS = ["", "nonsense", ".key", "%20.key", "x" * 300 + ".k", "n." + "k" * 300, "n.%" + "4" * 2000]


@pytest.mark.parametrize("label", BAD_LABELS)
async def test_incomplete_labels_are_told(site: PagesSite, label: str) -> None:
    """QR: anything but name and key, percent-encoded and split at the dot, is refused in words."""
    async with site.browser() as browser:
        answer = await _scan(browser, label)
    assert answer.status_code == 422
    assert "not a complete label link" in answer.json()["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b'{"label": 7}', b"{", b"\xff"])
async def test_odd_bodies_are_told(site: PagesSite, body: bytes) -> None:
    """QR: whatever arrives instead of a label is an answer, never a failure."""
    async with site.browser() as browser:
        headers = {"Content-Type": "application/json"}
        assert (await browser.post("/d/intents", content=body, headers=headers)).status_code in (400, 422)


async def test_names_keep_what_the_label_encodes(site: PagesSite) -> None:
    """QR: a dot is written %2E; slashes, spaces and other scripts survive."""
    device_id = await site.device("größe 1.5/ü", "k.e/y")
    browser = await site.signed_in("alice")
    await _scan(browser, "gr%C3%B6%C3%9Fe%201%2E5%2F%C3%BC.k%2Ee%2Fy")
    assert str(device_id) in (await browser.post("/d/claim")).headers["location"]


async def test_typing_the_label_needs_no_script(site: PagesSite) -> None:
    """UX 1.4: name and short code in a form; a slip is told before an attempt is spent."""
    code = new_short_code(bytes(range(16)))
    slip = code[:-1] + ("0" if code[-1] != "0" else "1")
    async with site.browser() as browser:
        told = await browser.post("/d/intents", data={"name": NAME, "key": slip})
        assert told.status_code == 422 and "typing mistake" in told.text and f'value="{NAME}"' in told.text
        insisted = await browser.post("/d/intents", data={"name": NAME, "key": slip, "as_typed": "yes"})
        assert insisted.headers["location"] == "/d/add"
        typed = await browser.post("/d/intents", data={"name": f" {NAME} ", "key": code.lower()})
        assert typed.headers["location"] == "/d/add"
        nothing = await browser.post("/d/intents", data={"name": " ", "key": ""})
        assert nothing.status_code == 422 and "Type the device name" in nothing.text


async def test_what_is_typed_is_shown_as_text(site: PagesSite) -> None:
    """Attacks A24: names from labels never become markup."""
    async with site.browser() as browser:
        answer = await browser.post(
            "/d/intents", data={"name": '"><script>alert(1)</script>', "key": "AAA-AAA-AAA"}
        )
        assert answer.status_code == 422 and "<script>alert" not in answer.text
        await _scan(browser, "%3Cb%3E.k")
        assert "…&lt;b&gt;" in (await browser.get("/d/add")).text


async def test_whose_page_it_is(site: PagesSite) -> None:
    """QR: the host belongs to one tenant, or the path names it; else the page asks for the whole link."""
    async with site.browser() as browser:
        assert "Gadget Works" in (await browser.get("/d")).text
        assert "Rival Works" in (await browser.get("/t/rival-works/d")).text
        assert (await browser.get("/t/nobody/d")).status_code == 404
    async with site.browser("https://elsewhere.test") as browser:
        unknown = await browser.get("/d")
        assert unknown.status_code == 404 and "does not say which maker" in unknown.text
        assert (await _scan(browser, "A.1")).status_code == 404
        site.bench._do("delete from tenant where slug = 'rival-works'")
        assert "Gadget Works" in (await browser.get("/d")).text
