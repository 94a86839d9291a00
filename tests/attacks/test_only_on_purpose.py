"""Attack A29: nothing but a deliberate request of the very user claims; links and other sites do not."""

from typing import Any

import httpx
import pytest

from tests.api.deployment import EMAILS, PASSWORD, Deployment
from tests.attacks.test_cross_tenant import operations

ORIGIN = "http://deedbox.test"
CLAIM = "/api/customer/device/lamp/claim"
KEY = "the right key"


@pytest.fixture
async def browser(deployment: Deployment) -> Any:
    """Alice's browser: signed in on the pages, with the label of an open window scanned."""
    device = await deployment.make_device("lamp")
    token = await deployment.device_token(device["id"]["id"])
    await deployment.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": KEY})
    tenant = await deployment.ok("maker", "GET", f"/api/tenant/{device['tenantId']['id']}")
    transport = httpx.ASGITransport(app=deployment.application)
    headers = {"Origin": ORIGIN}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
        signed_in = await client.post("/d/sign-in", data={"email": EMAILS["alice"], "password": PASSWORD})
        assert signed_in.status_code == 303
        slug = await _slug(deployment, tenant)
        kept = await client.post(f"/t/{slug}/d/intents", json={"label": f"lamp.{KEY}"})
        assert kept.status_code == 204, kept.text
        yield client


async def _slug(deployment: Deployment, tenant: dict[str, Any]) -> str:
    return str(deployment.sql("select slug from tenant where title = ?", tenant["title"])[0][0])


def owners(deployment: Deployment) -> int:
    return int(deployment.sql("select count(*) from deed")[0][0])


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH"])
async def test_a29_reading_never_claims(
    deployment: Deployment, browser: httpx.AsyncClient, method: str
) -> None:
    """Attacks A29: whatever a link, a picture or a prefetch can ask for, with all that a claim needs."""
    for address in (CLAIM, f"{CLAIM}?secretKey={KEY}", "/d/claim", "/d/add", "/d", f"/d?label=lamp.{KEY}"):
        await browser.request(method, address, params={"secretKey": KEY}, headers=await _signed(deployment))
    document = (await deployment.call("", "GET", "/docs/openapi.json")).json()
    for known, template in operations(document):
        if known == "get" and "claim" in template:
            await browser.request(method, template.replace("{device_name}", "lamp"))
    assert owners(deployment) == 0
    assert (await browser.post("/d/claim")).headers["location"].startswith("/d/devices/")
    assert owners(deployment) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Origin": "", "Referer": "https://evil.test/page"},
        {"Origin": f"{ORIGIN}.evil.test"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    ],
)
async def test_a29_other_sites_claim_nothing(
    deployment: Deployment, browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """Attacks A29: a form or a script of another site, sent with Alice's cookies."""
    answer = await browser.post("/d/claim", headers=headers)
    assert answer.status_code == 403, answer.text
    assert owners(deployment) == 0


async def test_a29_cookies_are_no_sign_in_for_the_api(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """Attacks A29: the API wants a token in a header, which no other site can send."""
    answer = await browser.post(CLAIM, json={"secretKey": KEY}, headers={"Origin": "https://evil.test"})
    assert answer.status_code == 401
    assert "access-control-allow-origin" not in answer.headers
    assert owners(deployment) == 0


async def test_a29_pages_show_the_account_and_stay_out_of_frames(browser: httpx.AsyncClient) -> None:
    """Attacks A29: the confirmation says what goes to whom, and can't be framed."""
    page = await browser.get("/d/add")
    assert "lamp" in page.text
    assert "Alice&#39;s home" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


async def _signed(deployment: Deployment) -> dict[str, str]:
    return {"X-Authorization": f"Bearer {await deployment.token('alice')}"}
