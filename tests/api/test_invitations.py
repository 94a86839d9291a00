"""Links that set a password: shown to whoever invited, used once, over in time; and who may act for whom."""

import pytest

from tests.api.deployment import EMAILS, PASSWORD, Deployment

NEW = {"email": "carol@deedbox.test", "authority": "TENANT_ADMIN"}
ACTIVATE = "/api/noauth/activate"


async def invited(deployment: Deployment) -> tuple[str, str]:
    """Id and activation token of a new user."""
    user_id = (await deployment.invite("maker", NEW))["id"]["id"]
    return user_id, await deployment.activation_token("maker", user_id)


async def test_the_link_is_shown_again_as_long_as_it_works(deployment: Deployment) -> None:
    user_id, token = await invited(deployment)
    info = await deployment.ok("maker", "GET", f"/api/user/{user_id}/activationLinkInfo")
    assert info["value"] == f"http://deedbox.test/api/noauth/activate?activateToken={token}"
    assert 0 < info["ttlMs"] <= 86_400_000


async def test_the_link_is_plain_text(deployment: Deployment) -> None:
    user_id, _ = await invited(deployment)
    answer = await deployment.call("maker", "GET", f"/api/user/{user_id}/activationLink")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_links_are_stored_as_digests(deployment: Deployment) -> None:
    _, token = await invited(deployment)
    stored = deployment.sql("select activation_digest, activation_ciphertext from user_account")
    assert token.encode() not in b"".join(bytes(part) for row in stored for part in row if part)


async def test_the_link_leads_to_the_page_that_asks_for_a_password(deployment: Deployment) -> None:
    _, token = await invited(deployment)
    answer = await deployment.call("", "GET", ACTIVATE, params={"activateToken": token})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login/createPassword?activateToken={token}"
    unknown = await deployment.call("", "GET", ACTIVATE, params={"activateToken": "x"})
    assert (unknown.status_code, unknown.content) == (409, b"")


@pytest.mark.parametrize(("kind", "page"), [("activate", "create"), ("reset", "reset")])
async def test_a_browser_is_told_by_the_page_what_is_wrong_with_a_link(
    deployment: Deployment, kind: str, page: str
) -> None:
    """UX 1.5: people do not get an empty answer."""
    path = ACTIVATE if kind == "activate" else "/api/noauth/resetPassword"
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = await deployment.call("", "GET", path, params={f"{kind}Token": "x&y"}, headers=browser)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login/{page}Password?{kind}Token=x%26y"


async def test_a_link_works_once(deployment: Deployment) -> None:
    user_id, token = await invited(deployment)
    body = {"activateToken": token, "password": PASSWORD}
    pair = await deployment.ok("", "POST", ACTIVATE, body)
    deployment.tokens["carol"] = pair["token"]
    await deployment.ok("carol", "GET", "/api/auth/user")
    again = await deployment.refused(400, "", "POST", ACTIVATE, body)
    assert token not in again["message"]
    shown = await deployment.refused(400, "maker", "GET", f"/api/user/{user_id}/activationLink")
    assert shown["message"] == "User is already activated!"


async def test_a_refused_password_leaves_the_link_alone(deployment: Deployment) -> None:
    _, token = await invited(deployment)
    for password in ("short", "password1234", NEW["email"]):
        body = await deployment.refused(
            400, "", "POST", ACTIVATE, {"activateToken": token, "password": password}
        )
        assert body["errors"][0]["pointer"] == "/password"
    await deployment.ok("", "POST", ACTIVATE, {"activateToken": token, "password": PASSWORD})


async def test_an_expired_link_is_refused_and_a_new_one_shown(deployment: Deployment) -> None:
    user_id, token = await invited(deployment)
    deployment.sql("update user_account set activation_expires_at = 1 where activation_digest is not null")
    body = await deployment.refused(400, "", "POST", ACTIVATE, {"activateToken": token, "password": PASSWORD})
    assert "expired" in body["message"]
    newer = await deployment.activation_token("maker", user_id)
    assert newer != token
    await deployment.ok("", "POST", ACTIVATE, {"activateToken": newer, "password": PASSWORD})


async def test_nobody_signs_in_before_the_activation(deployment: Deployment) -> None:
    await invited(deployment)
    for password in ("", PASSWORD):
        wanted = {"username": NEW["email"], "password": password}
        await deployment.refused(401, "", "POST", "/api/auth/login", wanted)


async def test_a_disabled_user_is_not_activated(deployment: Deployment) -> None:
    user_id, token = await invited(deployment)
    await deployment.ok(
        "maker", "POST", f"/api/user/{user_id}/userCredentialsEnabled", userCredentialsEnabled=False
    )
    await deployment.refused(401, "", "POST", ACTIVATE, {"activateToken": token, "password": PASSWORD})


async def reset_token(deployment: Deployment, host: str, name: str) -> str:
    path = f"/api/user/{await deployment.user_id(name)}/resetLink"
    link = await deployment.ok(host, "GET", path)
    assert 0 < link["ttlMs"] <= 3_600_000
    return str(link["value"]).partition("/api/noauth/resetPassword?resetToken=")[2]


async def test_a_reset_link_sets_a_password_and_ends_all_sessions(deployment: Deployment) -> None:
    token = await reset_token(deployment, "maker", "alice")
    body = {"resetToken": token, "password": "another good password"}
    assert await deployment.ok("", "POST", "/api/noauth/resetPassword", body) is None
    await deployment.refused(401, "alice", "GET", "/api/auth/user")
    await deployment.sign_in(EMAILS["alice"], "another good password")
    await deployment.refused(400, "", "POST", "/api/noauth/resetPassword", body)


async def test_a_newer_reset_link_replaces_the_older(deployment: Deployment) -> None:
    older = await reset_token(deployment, "maker", "alice")
    await reset_token(deployment, "maker", "alice")
    body = {"resetToken": older, "password": "another good password"}
    await deployment.refused(400, "", "POST", "/api/noauth/resetPassword", body)


async def test_an_expired_reset_link_is_refused(deployment: Deployment) -> None:
    token = await reset_token(deployment, "maker", "alice")
    deployment.sql("update user_account set reset_expires_at = 1")
    body = {"resetToken": token, "password": "another good password"}
    refused = await deployment.refused(400, "", "POST", "/api/noauth/resetPassword", body)
    assert "expired" in refused["message"]
    answer = await deployment.call("", "GET", "/api/noauth/resetPassword", params={"resetToken": token})
    assert answer.status_code == 409


async def test_a_changed_password_ends_the_reset_link(deployment: Deployment) -> None:
    token = await reset_token(deployment, "maker", "alice")
    wanted = {"currentPassword": PASSWORD, "newPassword": "another good password"}
    await deployment.ok("alice", "POST", "/api/auth/changePassword", wanted)
    body = {"resetToken": token, "password": "a third password"}
    await deployment.refused(400, "", "POST", "/api/noauth/resetPassword", body)


async def test_an_activation_link_resets_nothing(deployment: Deployment) -> None:
    _, token = await invited(deployment)
    body = {"resetToken": token, "password": PASSWORD}
    await deployment.refused(400, "", "POST", "/api/noauth/resetPassword", body)


@pytest.mark.parametrize(("above", "below"), [("root", "maker"), ("maker", "alice")])
async def test_whoever_is_above_acts_for_whoever_is_below(
    deployment: Deployment, above: str, below: str
) -> None:
    user_id = await deployment.user_id(below)
    pair = await deployment.ok(above, "GET", f"/api/user/{user_id}/token")
    deployment.tokens["instead"] = pair["token"]
    assert (await deployment.who("instead"))["email"] == EMAILS[below]
    read = "select user_name from audit_entry where entity_name = ? and action = 'CREDENTIALS_READ'"
    assert (EMAILS[above],) in deployment.sql(read, EMAILS[below])


@pytest.mark.parametrize(("host", "user"), [("root", "root"), ("root", "alice"), ("maker", "maker")])
async def test_nobody_acts_for_peers_or_further_down(deployment: Deployment, host: str, user: str) -> None:
    user_id = await deployment.user_id(user)
    await deployment.refused(403, host, "GET", f"/api/user/{user_id}/token")


async def test_nobody_acts_for_a_user_who_never_signed_in(deployment: Deployment) -> None:
    customer = (await deployment.who("alice"))["customerId"]
    draft = {"email": "carol@deedbox.test", "authority": "CUSTOMER_USER", "customerId": customer}
    user_id = (await deployment.invite("maker", draft))["id"]["id"]
    await deployment.refused(400, "maker", "GET", f"/api/user/{user_id}/token")
