"""Devices on their owner's pages: what they show, the switch, the release, and nobody else's eyes."""

import asyncio
from uuid import UUID, uuid4

import httpx

from tests.web.pages_site import KEY, PagesSite

NAME = "THERMO-000123"


async def _claimed(site: PagesSite, who: str = "alice") -> tuple[httpx.AsyncClient, UUID]:
    device_id = await site.device(NAME)
    browser = await site.signed_in(who)
    await browser.post("/d/intents", json={"label": f"{NAME}.{KEY}"})
    assert (await browser.post("/d/claim")).status_code == 303
    return browser, device_id


async def test_latest_values_and_state(site: PagesSite) -> None:
    """Behaviour §5: the owner reads what the device sends; a page and its script see the same."""
    browser, device_id = await _claimed(site)
    page = f"/d/devices/{device_id}"
    assert "Waiting for its first message" in (await browser.get(page)).text
    await site.measure(device_id, temperature=21.456789, door=True, note="<b>")
    await site.report(device_id, firmware="2.4")
    live = (await browser.get(f"{page}/live")).json()
    shown = {it["name"]: it["text"] for it in live["values"]}
    assert shown == {"temperature": "21.4568", "door": "yes", "note": "<b>", "firmware": "2.4"}
    assert (live["online"], live["state"], live["switch"]) == (True, "Online", None)
    text = (await browser.get(page)).text
    assert "21.4568" in text and "&lt;b&gt;" in text
    site.bench.now_ms += 2 * 3_600_000
    assert (await browser.get(f"{page}/live")).json()["state"] == "Last seen 2 hours ago"


async def test_long_values_get_the_whole_width(site: PagesSite) -> None:
    """UX 1.5: on a small phone a sentence does not fit beside its name."""
    browser, device_id = await _claimed(site)
    await site.measure(device_id, short="x" * 24, long="x" * 25)
    live = (await browser.get(f"/d/devices/{device_id}/live")).json()
    assert {it["name"]: it["is_long"] for it in live["values"]} == {"short": False, "long": True}
    assert (await browser.get(f"/d/devices/{device_id}")).text.count('<div class="long">') == 1


async def test_the_switch_reaches_the_device(site: PagesSite) -> None:
    """Behaviour §5: a shared attribute, told at once; shown as asked until the device says so."""
    browser, device_id = await _claimed(site)
    page = f"/d/devices/{device_id}"
    await site.report(device_id, on=False)
    assert (await browser.get(f"{page}/live")).json()["switch"] == {
        "is_on": False,
        "text": "The device is off.",
    }
    told = asyncio.create_task(site.changes.next_change(device_id))
    await asyncio.sleep(0)
    assert (await browser.post(f"{page}/switch", data={"on": "true"})).headers["location"] == page
    assert await told == frozenset({"on"})
    asked = (await browser.get(f"{page}/live")).json()["switch"]
    assert asked == {"is_on": True, "text": "Asked to switch on. Waiting for the device."}
    await site.report(device_id, on=True)
    assert (await browser.get(f"{page}/live")).json()["switch"]["text"] == "The device is on."
    assert "ATTRIBUTES_UPDATED" in {it["action"] for it in site.rows("select action from audit_entry")}


async def test_release_asks_first_and_ends_everything(site: PagesSite) -> None:
    """Behaviour §5: the deed ends; the next owner sees nothing of the last one's time."""
    browser, device_id = await _claimed(site)
    page = f"/d/devices/{device_id}"
    await site.measure(device_id, temperature=21)
    assert "It will no longer belong to Alice and Ann" in (await browser.get(f"{page}/release")).text
    released = await browser.post(f"{page}/release")
    assert released.headers["location"] == "/d/devices?released=1"
    assert "was released" in (await browser.get("/d/devices?released=1")).text
    for path in (page, f"{page}/live", f"{page}/release"):
        assert (await browser.get(path)).status_code == 404
    assert (await browser.post(f"{page}/switch", data={"on": "true"})).status_code in (403, 404)
    await site.offer(device_id, "another key")
    other = await site.signed_in("bob")
    await other.post("/d/intents", json={"label": f"{NAME}.another key"})
    assert (await other.post("/d/claim")).status_code == 303
    live = (await other.get(f"{page}/live")).json()
    assert live["values"] == [] and live["state"] == "Waiting for its first message"


async def test_other_peoples_devices_do_not_exist(site: PagesSite) -> None:
    """Attacks A11, A12: neither the page, nor its values, its switch or its release."""
    _, device_id = await _claimed(site)
    for who in ("bob", "carol"):
        browser = await site.signed_in(who)
        for path in ("", "/live", "/release"):
            assert (await browser.get(f"/d/devices/{device_id}{path}")).status_code == 404
        assert (await browser.post(f"/d/devices/{device_id}/release")).status_code == 404
        switched = await browser.post(f"/d/devices/{device_id}/switch", data={"on": "true"})
        assert switched.status_code in (403, 404)
        assert (await browser.get(f"/d/devices/{uuid4()}")).status_code == 404
        assert NAME not in (await browser.get("/d/devices")).text
    assert site.rows("select 1 from deed where closed_at is not null") == []


async def test_strangers_are_asked_to_sign_in(site: PagesSite) -> None:
    """UX 5.2: pages redirect; the page's script gets 401 with a text to show."""
    _, device_id = await _claimed(site)
    async with site.browser() as stranger:
        for path in ("/d/devices", f"/d/devices/{device_id}", f"/d/devices/{device_id}/release"):
            assert (await stranger.get(path)).headers["location"] == "/d/sign-in"
        live = await stranger.get(f"/d/devices/{device_id}/live")
        assert live.status_code == 401 and "signed out" in live.json()["message"]


async def test_many_devices_are_paged(site: PagesSite) -> None:
    """Performance: the list pages by key and loses none."""
    browser = await site.signed_in("alice")
    for number in range(53):
        await site.device(f"LAMP-{number:04}", "k")
        await browser.post("/d/intents", json={"label": f"LAMP-{number:04}.k"})
        assert (await browser.post("/d/claim")).status_code == 303
        site.bench.now_ms += 60_000
    first = (await browser.get("/d/devices")).text
    following = first.partition('href="/d/devices?after=')[2].partition('"')[0]
    second = (await browser.get(f"/d/devices?after={following}")).text
    assert (first.count(">LAMP-"), second.count(">LAMP-")) == (50, 3)
    assert "?after=" not in second
