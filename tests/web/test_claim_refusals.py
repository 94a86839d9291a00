"""The ways in which the claim page says no, each with a way out (behaviour §4, §6; ux 1.4)."""

import httpx

from tests.web.pages_site import KEY, PASSWORD, PagesSite

NAME = "THERMO-000123"


async def _claim(browser: httpx.AsyncClient, label: str) -> httpx.Response:
    await browser.post("/d/intents", json={"label": label})
    return await browser.post("/d/claim")


async def test_unknown_name_wrong_key_and_no_window_look_the_same(site: PagesSite) -> None:
    """Behaviour §6.3: the page is no oracle for names, whatever the REST API answers."""
    await site.device(NAME)
    await site.device("SILENT-000123", None)
    browser = await site.signed_in("alice")
    labels = [f"{NAME}.wrong", f"UNKNOWN-000123.{KEY}", f"SILENT-000123.{KEY}"]
    answers = [await _claim(browser, label) for label in labels]
    assert {it.status_code for it in answers} == {404}
    assert len({it.text for it in answers}) == 1
    assert "match this label" in answers[0].text and "Press the button" in answers[0].text


async def test_somebody_elses_device(site: PagesSite) -> None:
    """Behaviour §4.3: owned by another customer; the way out is its release."""
    await site.device(NAME)
    assert (await _claim(await site.signed_in("bob"), f"{NAME}.{KEY}")).status_code == 303
    refused = await _claim(await site.signed_in("alice"), f"{NAME}.{KEY}")
    assert refused.status_code == 409
    assert "Added to another account" in refused.text and "Bakery" not in refused.text


async def test_too_many_tries_are_counted_down(site: PagesSite) -> None:
    """Behaviour §6.1: five wrong keys for a device, then 429 with the time to wait; the label stays."""
    await site.device(NAME)
    browser = await site.signed_in("alice")
    for _ in range(5):
        assert (await _claim(browser, f"{NAME}.wrong")).status_code == 404
    refused = await _claim(browser, f"{NAME}.{KEY}")
    assert refused.status_code == 429 and refused.headers["retry-after"] == "300"
    assert 'data-countdown="300"' in refused.text and "data-after-wait" in refused.text
    site.bench.now_ms += 300_001
    assert (await browser.post("/d/claim")).status_code == 303


async def test_an_account_of_another_maker(site: PagesSite) -> None:
    """Attacks A12: the label's tenant and the account's must be one; nothing is tried."""
    await site.device(NAME)
    browser = await site.signed_in("carol")
    refused = await _claim(browser, f"{NAME}.{KEY}")
    assert refused.status_code == 409 and "This account is not from Gadget Works" in refused.text
    assert (
        site.rows("select 1 from deed") == []
        and site.rows("select 1 from audit_entry where success = 0") == []
    )


async def test_a_tenant_administrator_owns_nothing(site: PagesSite) -> None:
    """Behaviour §4: only people of customers claim."""
    await site.device(NAME)
    browser = await site.signed_in("maker")
    assert (await _claim(browser, f"{NAME}.{KEY}")).status_code == 403
    for path in ("/", "/d/devices"):
        shown = await browser.get(path)
        assert shown.status_code == 200 and "/docs" in shown.text and "Add a device" not in shown.text
    assert site.rows("select 1 from deed") == []


async def test_sign_in_says_what_is_wrong_and_keeps_the_label(site: PagesSite) -> None:
    """UX 1.5: an error summary that leads to the field; unknown address and wrong password are alike."""
    async with site.browser() as browser:
        await browser.post("/d/intents", json={"label": f"{NAME}.{KEY}"})
        wrong = await browser.post("/d/sign-in", data={"email": "alice@example.org", "password": "nope"})
        unknown = await browser.post("/d/sign-in", data={"email": "nobody@example.org", "password": "nope"})
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.text.replace("alice@", "nobody@") == unknown.text
        assert 'href="#email"' in wrong.text and "…0123" in wrong.text and "nope" not in wrong.text
        empty = await browser.post("/d/sign-in", data={"email": "", "password": ""})
        assert empty.status_code == 422 and "Type your e-mail address" in empty.text


async def test_too_many_sign_ins_are_counted_down(site: PagesSite) -> None:
    """Behaviour §6.1: sign-in spends the address budget; the page counts the wait down."""
    async with site.browser() as browser:
        for _ in range(5):
            await browser.post("/d/sign-in", data={"email": "alice@example.org", "password": "nope"})
        refused = await browser.post("/d/sign-in", data={"email": "alice@example.org", "password": PASSWORD})
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert "data-countdown" in refused.text


async def test_signing_out_ends_the_session_and_forgets_the_label(site: PagesSite) -> None:
    """UX 5.2: a shared browser keeps only that it is known; another account may go on with the label."""
    browser = await site.signed_in("alice")
    await browser.post("/d/intents", json={"label": f"{NAME}.{KEY}"})
    kept = dict(browser.cookies)
    assert (await browser.post("/d/sign-out", data={"again": "yes"})).headers["location"] == "/d/add"
    assert "Sign in to add the device" in (await browser.get("/d/add")).text
    assert (await browser.post("/d/sign-out")).headers["location"] == "/"
    assert set(browser.cookies) == {"__Host-device"} and site.rows("select 1 from claim_intent") == []
    async with site.browser() as thief:
        thief.cookies.update(kept)
        assert (await thief.get("/d/devices")).headers["location"] == "/d/sign-in"
