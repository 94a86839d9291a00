"""The page for people who forgot their password (ux 1.5, 5.2)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.pages_site import PagesSite

FORGOTTEN = "/d/forgotten"


@pytest.fixture
async def mailing(tmp_path: Path) -> AsyncIterator[PagesSite]:
    opened = PagesSite(tmp_path, base_url="https://things.test")
    await opened.open()
    yield opened
    await opened.close()


async def test_the_sign_in_leads_there(mailing: PagesSite) -> None:
    async with mailing.browser() as browser:
        assert f'href="{FORGOTTEN}"' in (await browser.get("/d/sign-in")).text
        assert '<input id="email"' in (await browser.get(FORGOTTEN)).text


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org", "<b>", "ü" * 300])
async def test_every_address_is_answered_alike(mailing: PagesSite, email: str) -> None:
    async with mailing.browser() as browser:
        answer = await browser.post(FORGOTTEN, data={"email": email})
    assert answer.status_code == 200 and "Look at your mail" in answer.text and "<b>" not in answer.text
    assert len(mailing.rows("select id from outgoing_mail")) == 1


async def test_an_empty_form_says_what_is_missing(mailing: PagesSite) -> None:
    async with mailing.browser() as browser:
        answer = await browser.post(FORGOTTEN, data={"email": " "})
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text


async def test_asking_again_and_again_has_an_end(mailing: PagesSite) -> None:
    async with mailing.browser() as browser:
        answers = [await browser.post(FORGOTTEN, data={"email": f"{it}@x.org"}) for it in range(6)]
    assert [it.status_code for it in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"]


async def test_without_mail_people_are_told_whom_to_ask(site: PagesSite) -> None:
    async with site.browser() as browser:
        asked = await browser.get(FORGOTTEN)
        sent = await browser.post(FORGOTTEN, data={"email": "alice@example.org"})
    for answer in (asked, sent):
        assert "Ask whoever invited you" in answer.text and "<form" not in answer.text.partition("<main")[2]
