"""An invitation and a reset link in a real browser against a real server (behaviour §5; ux 1.5, 5.2)."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.acceptance.browsing import Visit, assert_accessible, visiting
from tests.acceptance.claim_cast import Cast
from tests.conformance.rest_people import get, post
from tests.server_process import RunningServer, running_server

EMAIL = "dora@deedbox.test"
FIRST, SECOND = "Öl und Essig dazu Brot", "Brot und Butter dazu Salz"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("invitation") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def cast(server: RunningServer) -> Iterator[Cast]:
    invited = Cast(server.address)
    yield invited
    invited.close()


@pytest.fixture
def visit() -> Iterator[Visit]:
    with visiting() as opened:
        yield opened


def _new_user(cast: Cast, email: str, authority: str = "CUSTOMER_USER") -> str:
    """Return the id of a user without a password."""
    user = {"email": email, "authority": authority}
    if authority == "CUSTOMER_USER":
        customer = get(cast.maker, "/api/tenant/customers", customerTitle="Owners")
        user |= {"customerId": customer["id"]}
    made = post(cast.maker, "/api/user?sendActivationMail=false", user)
    return str(made["id"]["id"])


def _invitation(cast: Cast, user_id: str) -> str:
    return cast.maker.get(f"/api/user/{user_id}/activationLink").raise_for_status().text


def _reset_link(cast: Cast, user_id: str) -> str:
    return str(get(cast.maker, f"/api/user/{user_id}/resetLink")["value"])


def test_from_the_invitation_to_the_devices_and_a_new_password(
    server: RunningServer, cast: Cast, visit: Visit
) -> None:
    """UX 1.5: link, password, signed in; later a reset link, and the same again."""
    user_id, page = _new_user(cast, EMAIL), visit.page
    invitation = _invitation(cast, user_id)
    page.goto(invitation)
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    expect(page.get_by_label("E-mail address")).to_have_value(EMAIL)
    assert page.url == f"{server.base_url}/login/createPassword"
    assert_accessible(page)
    _type(visit, FIRST)
    page.wait_for_url("**/d/devices")
    expect(page.get_by_text("Devices of Owners")).to_be_visible()
    page.goto(_reset_link(cast, user_id))
    assert page.url == f"{server.base_url}/login/resetPassword"
    _type(visit, SECOND)
    page.wait_for_url("**/d/devices")
    assert visit.complaints == []
    page.goto(invitation)
    expect(page.get_by_role("heading", name="This link does not work")).to_be_visible()
    assert_accessible(page)
    _assert_nothing_told(server, invitation)


def _type(visit: Visit, password: str) -> None:
    """Type a password as careful people do: look at it, then hide it."""
    page, field = visit.page, visit.page.get_by_label("Password", exact=True)
    field.fill(password[:5])
    expect(page.get_by_text("Characters still missing: 3")).to_be_visible()
    field.fill(password)
    expect(page.get_by_text("Long enough.")).to_be_visible()
    page.get_by_role("button", name="Show").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide").click()
    expect(field).to_have_attribute("type", "password")
    page.get_by_role("button", name="Save and sign in").click()


def _assert_nothing_told(server: RunningServer, invitation: str) -> None:
    said, token = server.log.read_text(), invitation.partition("activateToken=")[2]
    assert not any(it in said for it in (token, FIRST, SECOND, "Brot"))


def test_no_request_names_the_link_it_came_from(cast: Cast, visit: Visit) -> None:
    """UX 5.2: style sheet, scripts and the next page are not told the token by a Referer."""
    user_id, referrers = _new_user(cast, "emil@deedbox.test"), []
    visit.page.on("request", lambda request: referrers.append(request.headers.get("referer", "")))
    invitation = _invitation(cast, user_id)
    visit.page.goto(invitation)
    visit.page.get_by_role("link", name="Deedbox").click()
    visit.page.wait_for_load_state()
    assert len(referrers) > 4
    assert not any(invitation.partition("activateToken=")[2] in it for it in referrers)


def test_an_administrator_without_scripts(cast: Cast) -> None:
    """UX 1.4: the page is a plain form; whoever owns nothing is shown where the API is."""
    user_id = _new_user(cast, "second-maker@deedbox.test", "TENANT_ADMIN")
    with visiting(java_script_enabled=False) as visit:
        page = visit.page
        page.goto(_invitation(cast, user_id))
        page.get_by_label("Password", exact=True).fill("short")
        page.get_by_role("button", name="Save and sign in").click()
        expect(page.get_by_role("alert").get_by_text("This password has 5 characters")).to_be_visible()
        page.get_by_label("Password", exact=True).fill(FIRST)
        page.get_by_role("button", name="Save and sign in").click()
        expect(page.get_by_role("heading", name="This account owns no devices")).to_be_visible()
        expect(page.get_by_role("link", name="API documentation")).to_be_visible()
