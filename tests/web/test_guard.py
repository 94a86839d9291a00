"""What stands before every page: other sites' forms, headers, secrets that stay (ux 5.2, attacks A29)."""

import logging
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.web.pages_site import KEY, ORIGIN, PASSWORD, PagesSite

NAME = "THERMO-000123"
POSTS = ["/d/intents", "/d/sign-in", "/d/sign-out", "/d/claim", "/d/devices/x/release", "/nowhere"]
FOREIGN = [
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://things.test.evil.test"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"},
    {"Origin": ORIGIN, "Sec-Fetch-Site": "none"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_forms_of_other_sites_are_refused(site: PagesSite, headers: dict[str, str]) -> None:
    """UX 5.2 (ASVS 3.5): Sec-Fetch-Site decides where browsers send it, else the origin."""
    device_id = await site.device(NAME)
    browser = await site.signed_in("alice")
    await browser.post("/d/intents", json={"label": f"{NAME}.{KEY}"})
    for path in [*POSTS, f"/d/devices/{device_id}/switch"]:
        assert (await browser.post(path, headers=headers)).status_code == 403
    assert site.rows("select 1 from deed") == []


async def test_our_own_forms_pass(site: PagesSite) -> None:
    """UX 5.2: same-origin by either sign; behind a proxy that speaks HTTPS for us, the host decides."""
    async with site.browser() as browser:
        for headers in (
            {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
            {"Origin": "http://things.test"},
        ):
            assert (await browser.post("/d/sign-out", headers=headers)).status_code == 303


PAGES = [
    "/", "/login", "/d", "/d/add", "/d/sign-in", "/d/devices", "/d/nowhere", "/t/nobody/d",
    "/d/assets/page.js",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_every_answer_has_the_security_headers(site: PagesSite, path: str) -> None:
    """UX 5.2 (ASVS 3.4): also errors, redirects and files."""
    async with site.browser() as browser:
        answer = await browser.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["strict-transport-security"]
    assert answer.headers["cache-control"] == ("no-cache" if "assets" in path else "no-store")
    assert len(answer.headers.get_list("content-type")) <= 1
    if "html" in answer.headers.get("content-type", ""):
        assert "<style" not in answer.text and " style=" not in answer.text and " onclick" not in answer.text


@pytest.mark.parametrize("path", [*PAGES, "/favicon.ico"])
async def test_head_answers_as_get_does(site: PagesSite, path: str) -> None:
    """RFC 9110: link checkers and previews of messengers ask so."""
    async with site.browser() as browser:
        head, whole = await browser.head(path), await browser.get(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers == whole.headers


async def test_the_manifest_names_what_is_there(site: PagesSite) -> None:
    """UX 4.3: the page can be put on a phone's first screen."""
    async with site.browser() as browser:
        manifest = (await browser.get("/d/assets/deedbox.webmanifest")).json()
        for icon in manifest["icons"]:
            found = await browser.get(f"/d/assets/{icon['src']}")
            assert found.status_code == 200 and found.headers["content-type"] == icon["type"]
        assert (await browser.get("/favicon.ico")).headers["content-type"] == "image/png"


async def test_a_page_with_all_that_it_loads_is_small(site: PagesSite) -> None:
    """UX 4.1: nobody waits for it on a slow line: 32 KiB before any compression."""
    async with site.browser() as browser:
        html = (await browser.get("/d")).text
        loaded = {it for it in re.findall(r'(?:src|href)="(/d/assets/[^"]+)"', html) if ".webm" not in it}
        sizes = [len((await browser.get(it)).content) for it in loaded]
    assert len(loaded) >= 5
    assert len(html.encode()) + sum(sizes) < 32_768


async def test_files_are_asked_for_once(site: PagesSite) -> None:
    """UX 4.4: an entity tag saves the second transfer; only our own files are served."""
    async with site.browser() as browser:
        first = await browser.get("/d/assets/deedbox.css")
        again = await browser.get("/d/assets/deedbox.css", headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        for name in ("..%2Fpages.py", "pages.py", "%2e%2e", "nothing.css"):
            assert (await browser.get(f"/d/assets/{name}")).status_code == 404


async def test_no_secret_leaves(site: PagesSite, caplog: pytest.LogCaptureFixture) -> None:
    """Behaviour §6.6: neither key nor password in any body, header, address or log line."""
    caplog.set_level(logging.DEBUG)
    device_id = await site.device(NAME)
    answers: list[httpx.Response] = []
    browser = site.browser()
    browser.event_hooks["response"] = [_keep_in(answers)]
    await browser.post("/d/intents", json={"label": f"{NAME}.{KEY}"})
    await browser.get("/d/add")
    await browser.post("/d/sign-in", data={"email": "alice@example.org", "password": "nope " + PASSWORD})
    await browser.post("/d/sign-in", data={"email": "alice@example.org", "password": PASSWORD})
    for path in ("/d/add", f"/d/devices/{device_id}", "/d/devices"):
        await browser.get(path)
    await browser.post("/d/claim")
    await browser.post("/d/claim")
    await browser.get(f"/d/devices/{device_id}")
    said = "".join(f"{it.url} {it.headers} {it.text}" for it in answers) + caplog.text
    audit = repr(site.rows("select * from audit_entry")) + repr(site.rows("select * from outbox_event"))
    assert len(answers) == 10
    assert KEY not in said + audit and PASSWORD not in said + audit


def _keep_in(answers: list[httpx.Response]) -> Callable[[httpx.Response], Awaitable[None]]:
    async def keep(answer: httpx.Response) -> None:
        await answer.aread()
        answers.append(answer)

    return keep


async def test_large_forms_are_refused(site: PagesSite) -> None:
    """Attacks A24: nothing on a label is longer than 16 KiB."""
    async with site.browser() as browser:
        answer = await browser.post("/d/intents", data={"name": "x" * 20_000})
    assert answer.status_code == 413
