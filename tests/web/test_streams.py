"""An owner's page is kept current by server-sent events, for as long as its reader may see the device."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from deedbox.core.live import PointsArrived
from deedbox.core.telemetry import Point
from deedbox.serving.servers import HttpServer
from tests.ports import free_port
from tests.web.pages_site import KEY, PASSWORD, PagesSite

PATIENCE_S = 20.0


class Streamed:
    """Pages on a real port: streams need one."""

    def __init__(self, site: PagesSite, port: int, device_id: UUID) -> None:
        self.site, self.device_id = site, device_id
        self.path = f"/d/devices/{device_id}"
        self._origin = f"http://127.0.0.1:{port}"

    @asynccontextmanager
    async def browser(self, who: str = "alice") -> AsyncIterator[httpx.AsyncClient]:
        """The browser of somebody who is signed in."""
        headers = {"Origin": self._origin}
        async with httpx.AsyncClient(base_url=self._origin, headers=headers, trust_env=False) as browser:
            form = {"email": f"{who}@example.org", "password": PASSWORD}
            assert (await browser.post("/d/sign-in", data=form)).status_code == 303
            yield browser

    @asynccontextmanager
    async def events(self, browser: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The stream of the device's page."""
        async with browser.stream("GET", self.path + "/events", timeout=PATIENCE_S) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield _parsed(answer.aiter_lines())

    async def measure(self, **values: Any) -> None:
        """Store points and tell of them, as the device's side does."""
        await self.site.measure(self.device_id, **values)
        self.site.live.tell(PointsArrived(self.device_id, 1, tuple(Point(it, 0, 0) for it in values)))


async def _parsed(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    name = "message"
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
            name = "message"


@pytest.fixture
async def streamed(site: PagesSite) -> AsyncIterator[Streamed]:
    port = free_port()
    listening = socket.create_server(("127.0.0.1", port))
    server = HttpServer(site.application, [listening], 5, 1)
    serving = asyncio.create_task(server.run_until_stopped())
    opened = Streamed(site, port, await site.device("LAMP-1"))
    claiming = await site.signed_in("alice")
    await claiming.post("/d/intents", json={"label": f"LAMP-1.{KEY}"})
    assert (await claiming.post("/d/claim")).headers["location"].startswith(opened.path)
    yield opened
    site.streams.end()
    server.stop()
    await serving
    listening.close()


def _values(live: Any) -> dict[str, str]:
    return {it["name"]: it["text"] for it in live["values"]}


async def test_the_page_as_it_is_then_as_it_changes(streamed: Streamed) -> None:
    async with streamed.browser() as browser, streamed.events(browser) as events:
        name, live = await anext(events)
        assert (name, live) == ("message", (await browser.get(streamed.path + "/live")).json())
        await streamed.measure(temperature=21.5)
        assert _values((await anext(events))[1]) == {"temperature": "21.5"}
        await browser.post(streamed.path + "/switch", data={"on": "true"})
        assert (await anext(events))[1]["switch"]["is_on"] is True


async def test_a_release_ends_the_stream_at_once(streamed: Streamed) -> None:
    """Behaviour §5.4."""
    async with streamed.browser() as browser, streamed.events(browser) as events:
        await anext(events)
        assert (await browser.post(streamed.path + "/release")).status_code == 303
        await streamed.measure(temperature=99)
        assert [it async for it in events] == [("ended", {})]
        assert (await browser.get(streamed.path + "/events")).status_code == 404


async def test_a_sign_out_ends_the_stream(streamed: Streamed) -> None:
    async with streamed.browser() as browser, streamed.events(browser) as events:
        await anext(events)
        await browser.post("/d/sign-out")
        await streamed.measure(temperature=99)
        assert [it async for it in events] == []
        answer = await browser.get(streamed.path + "/events")
        assert answer.status_code == 401 and "signed out" in answer.json()["message"]


async def test_other_people_get_no_stream(streamed: Streamed) -> None:
    async with streamed.browser("bob") as browser:
        assert (await browser.get(streamed.path + "/events")).status_code == 404
    async with streamed.browser("maker") as browser:
        assert (await browser.get(streamed.path + "/events")).status_code == 403


async def test_one_user_has_so_many_streams(streamed: Streamed) -> None:
    async with streamed.browser() as browser, streamed.events(browser) as first:
        await anext(first)
        async with streamed.events(browser) as second:
            await anext(second)
            assert (await browser.get(streamed.path + "/events")).status_code == 503
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with browser.stream("GET", streamed.path + "/events") as third:
                    if third.status_code == 200:
                        break


async def test_streams_end_with_the_server(streamed: Streamed) -> None:
    async with streamed.browser() as browser, streamed.events(browser) as events:
        await anext(events)
        streamed.site.streams.end()
        assert [it async for it in events] == []
    assert not streamed.site.live.is_watched(streamed.device_id)
