"""A label's link in a real browser against a real server: from the camera to the lamp, and back (ux 1.4)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from deedbox.core.labels import link, new_short_code
from tests.acceptance.browsing import Visit, assert_accessible, visiting
from tests.acceptance.claim_cast import KEY, Cast, Lamp
from tests.certificates import make_certificate
from tests.conformance.rest_people import PASSWORD
from tests.ports import free_port
from tests.server_process import running_server

EMAIL = "owner@deedbox.test"


class Site:
    """A server over HTTP and HTTPS with its cast."""

    def __init__(self, http: str, https: str, log: Path, cast: Cast) -> None:
        self.http, self.https, self.log, self.cast = http, https, log, cast

    def origin(self, scheme: str) -> str:
        """Where the pages are over that scheme."""
        return self.http if scheme == "http" else self.https


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser")
    certificate, key = make_certificate(folder)
    https = f"127.0.0.1:{free_port()}"
    tls = ("--https", https, "--tls-certificate", str(certificate), "--tls-key", str(key))
    with running_server(folder / "data", *tls) as server:
        cast = Cast(server.address)
        yield Site(server.base_url, f"https://{https}", server.log, cast)
        cast.close()


@pytest.fixture
def lamp(site: Site) -> Iterator[Lamp]:
    with site.cast.lamp() as plugged_in:
        yield plugged_in


@pytest.fixture
def visit() -> Iterator[Visit]:
    with visiting() as opened:
        yield opened


def _sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_from_the_label_to_the_lamp_and_back(site: Site, visit: Visit, lamp: Lamp, scheme: str) -> None:
    """Behaviour §4, §5, §6.7: scan, sign in, confirm, see a value, switch, release."""
    origin, page = site.origin(scheme), visit.page
    lamp.announce()
    _scan_and_claim(visit, origin, lamp)
    expect(page.get_by_text("Waiting for its first message")).to_be_visible()
    lamp.measure(temperature=21.5)
    lamp.report(on=False)
    expect(page.get_by_text("21.5")).to_be_visible()
    expect(page.get_by_text("Online")).to_be_visible()
    obeying = lamp.obey_once()
    page.get_by_role("switch").click()
    expect(page.get_by_text("The device is on.")).to_be_visible()
    expect(page.get_by_role("switch")).to_be_checked()
    obeying.join()
    assert_accessible(page)
    _release(page)
    _assert_nothing_told(visit, site.log)


def _scan_and_claim(visit: Visit, origin: str, lamp: Lamp) -> None:
    page = visit.page
    page.goto(link(f"{origin}/d", lamp.name, KEY))
    page.wait_for_url(f"{origin}/d/add")
    expect(page.get_by_text("…/1.5")).to_be_visible()
    unencrypted = page.get_by_text("This connection is not encrypted")
    expect(unencrypted).to_be_visible(visible=origin.startswith("http:"))
    assert_accessible(page)
    _sign_in(page)
    expect(page.get_by_role("heading", name="Add this device?")).to_be_visible()
    expect(page.get_by_text("Owners")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Add device").click()
    page.wait_for_url(f"{origin}/d/devices/*")


def _release(page: Page) -> None:
    page.get_by_role("link", name="Release this device").click()
    assert_accessible(page)
    page.get_by_role("button", name="Release device").click()
    expect(page.get_by_text("The device was released")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Deedbox")).to_be_visible()


def _assert_nothing_told(visit: Visit, log: Path) -> None:
    assert visit.complaints == []
    cookies = visit.page.evaluate("document.cookie + Object.keys(localStorage) + Object.keys(sessionStorage)")
    said = "".join(visit.addresses) + cookies + log.read_text()
    assert not any(it in said for it in (KEY, "lamp%20secret", PASSWORD, "LAMP%20"))


def test_the_address_bar_is_cleared_before_anything_is_sent(site: Site, visit: Visit) -> None:
    """QR: the label leaves the address bar and the history even when the server can't be reached."""
    page = visit.page
    page.route("**/d/intents", lambda route: route.abort())
    page.goto(link(f"{site.http}/d", "LAMP 0/1.5", KEY))
    expect(page.get_by_role("alert").get_by_text("could not be sent")).to_be_visible()
    assert page.url == f"{site.http}/d"
    assert page.evaluate("history.length") <= 2
    page.reload()
    expect(page.get_by_role("heading", name="Add a device from Gadget Works")).to_be_visible()


def test_a_slip_is_told_before_anything_is_sent(site: Site, visit: Visit) -> None:
    """QR, ux 1.2: the check character is tried in the browser; whoever is sure may go on."""
    page, code = visit.page, new_short_code(bytes(range(7, 23)))
    page.goto(f"{site.http}/d")
    assert_accessible(page)
    page.get_by_label("Device name").fill("LAMP 0/1.5")
    before = len(visit.addresses)
    slip = code[1] + code[0] + code[2:]
    page.get_by_label("Code", exact=True).fill(slip)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This code has a typing mistake")).to_be_visible()
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    assert len(visit.addresses) == before
    assert_accessible(page)
    page.get_by_label("Code", exact=True).fill(code.lower().replace("-", ""))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/d/add")
    page.goto(f"{site.http}/d")
    page.get_by_label("Device name").fill("LAMP 0/1.5")
    page.get_by_label("Code", exact=True).fill(slip)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Use the code exactly as I typed it").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/d/add")


def test_all_of_it_works_without_scripts(site: Site, lamp: Lamp) -> None:
    """UX 1.4: typing the label, signing in, claiming, the switch and the release are plain forms."""
    lamp.announce("typed key")
    with visiting(java_script_enabled=False) as visit:
        page = visit.page
        page.goto(f"{site.https}/d")
        page.get_by_label("Device name").fill(lamp.name)
        page.get_by_label("Code", exact=True).fill("typed key")
        page.get_by_role("button", name="Continue").click()
        _sign_in(page)
        page.get_by_role("button", name="Add device").click()
        expect(page.get_by_text("The device is yours.")).to_be_visible()
        lamp.report(on=True)
        page.reload()
        page.get_by_role("switch").click()
        expect(page.get_by_text("Asked to switch off")).to_be_visible()
        _release_plainly(page)


def _release_plainly(page: Page) -> None:
    page.get_by_role("link", name="Release this device").click()
    page.get_by_role("button", name="Release device").click()
    expect(page.get_by_text("The device was released")).to_be_visible()


def test_wrong_labels_end_in_a_countdown(site: Site, visit: Visit) -> None:
    """UX 1.4: what can't be matched says what to do; too many tries count down and hold the button."""
    page = visit.page
    page.goto(link(f"{site.http}/d", "NOBODY", "wrong"))
    page.wait_for_url("**/d/add")
    _sign_in(page)
    page.get_by_role("button", name="Add device").click()
    expect(page.get_by_role("heading", name="match this label")).to_be_visible()
    assert_accessible(page)
    for _ in range(5):
        page.get_by_role("button", name="Try again").click()
        page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Too many tries")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_disabled()
    expect(page.get_by_text("You can try again in")).to_be_visible()
    assert_accessible(page)
