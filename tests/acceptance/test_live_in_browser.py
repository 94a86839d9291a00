"""A device's page in a real browser: values move by themselves, without reloads and without asking."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from deedbox.core.labels import link
from tests.acceptance.browsing import Visit, assert_accessible, visiting
from tests.acceptance.claim_cast import KEY, Cast, Lamp
from tests.conformance.rest_people import PASSWORD
from tests.server_process import RunningServer, running_server

SIGNED_OUT = "You are signed out, or the device is no longer yours."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("live") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def cast(server: RunningServer) -> Iterator[Cast]:
    played = Cast(server.address)
    yield played
    played.close()


@pytest.fixture
def lamp(cast: Cast) -> Iterator[Lamp]:
    with cast.lamp() as plugged_in:
        plugged_in.announce()
        yield plugged_in


@pytest.fixture
def visit() -> Iterator[Visit]:
    with visiting() as opened:
        yield opened


def _claim(visit: Visit, server: RunningServer, lamp: Lamp) -> Page:
    page = visit.page
    page.goto(link(f"{server.base_url}/d", lamp.name, KEY))
    page.wait_for_url("**/d/add")
    page.get_by_label("E-mail address").fill("owner@deedbox.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Add device").click()
    page.wait_for_url("**/d/devices/*")
    return page


def _asked(visit: Visit, what: str) -> int:
    return sum(bool(re.search(rf"/d/devices/[^/]+/{what}$", it)) for it in visit.addresses)


def test_a_value_moves_by_itself(visit: Visit, server: RunningServer, lamp: Lamp) -> None:
    page = _claim(visit, server, lamp)
    for temperature in (20.5, 21.5, 22.5):
        lamp.measure(temperature=temperature)
        expect(page.get_by_text(str(temperature))).to_be_visible()
    assert_accessible(page)
    assert (_asked(visit, "events"), _asked(visit, "live")) == (1, 0)
    page.get_by_role("button", name="Pause").click()
    lamp.measure(temperature=23.5)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("23.5")).to_be_visible()
    assert visit.complaints == []


def test_the_page_says_at_once_that_the_device_was_given_away(
    visit: Visit, server: RunningServer, lamp: Lamp
) -> None:
    """Behaviour §5.4."""
    page = _claim(visit, server, lamp)
    lamp.measure(temperature=20.5)
    expect(page.get_by_text("20.5")).to_be_visible()
    _release_elsewhere(page.context, page.url)
    expect(page.get_by_text(SIGNED_OUT)).to_be_visible()
    lamp.measure(temperature=99.5)
    assert page.get_by_text("99.5").count() == 0
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()


def _release_elsewhere(context: BrowserContext, address: str) -> None:
    other = context.new_page()
    other.goto(address + "/release")
    other.get_by_role("button", name="Release device").click()
    other.close()


def test_a_lost_connection_comes_back_by_itself(visit: Visit, server: RunningServer, lamp: Lamp) -> None:
    page = _claim(visit, server, lamp)
    lamp.measure(temperature=20.5)
    expect(page.get_by_text("20.5")).to_be_visible()
    page.context.set_offline(True)
    server.restart()
    expect(page.get_by_text("No connection to the server.")).to_be_visible()
    page.context.set_offline(False)
    lamp.measure(temperature=21.5)
    expect(page.get_by_text("21.5")).to_be_visible()
    expect(page.get_by_text("No connection to the server.")).to_be_hidden()


def test_where_events_do_not_come_through_the_page_asks(
    visit: Visit, server: RunningServer, lamp: Lamp
) -> None:
    def refuse(route: Route) -> None:
        route.fulfill(status=503)

    visit.page.route("**/events", refuse)
    page = _claim(visit, server, lamp)
    for temperature in (20.5, 21.5):
        lamp.measure(temperature=temperature)
        expect(page.get_by_text(str(temperature))).to_be_visible()
    assert _asked(visit, "live")
