"""Signing in, refreshing and signing out over REST; what wrong, old and foreign tokens get."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.api.deployment import EMAILS, PASSWORD, Deployment

NULL_ID = "13814000-1dd2-11b2-8080-808080808080"


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


async def test_a_sign_in_gives_the_claims_that_clients_read(deployment: Deployment) -> None:
    """Promised by thingsboard §6.3."""
    pair = await deployment.sign_in(" Alice@Deedbox.TEST")
    claims, user = claims_of(pair["token"]), await deployment.who("alice")
    assert claims["sub"] == EMAILS["alice"]
    assert claims["scopes"] == ["CUSTOMER_USER"]
    assert claims["userId"] == user["id"]["id"]
    assert claims["tenantId"] == user["tenantId"]["id"]
    assert claims["customerId"] == user["customerId"]["id"]
    assert claims["exp"] - claims["iat"] == 9000
    assert (claims["enabled"], claims["isPublic"]) == (True, False)
    refresh = claims_of(pair["refreshToken"])
    assert refresh["scopes"] == ["REFRESH_TOKEN"]
    assert refresh["exp"] - refresh["iat"] == 604_800


async def test_administrators_belong_to_no_customer(deployment: Deployment) -> None:
    claims = claims_of(await deployment.token("root"))
    assert (claims["tenantId"], claims["customerId"]) == (NULL_ID, NULL_ID)


@pytest.mark.parametrize("email", [EMAILS["alice"], "nobody@deedbox.test", "", "\ud800"])
async def test_unknown_address_and_wrong_password_get_the_same_answer(
    deployment: Deployment, email: str
) -> None:
    content = json.dumps({"username": email, "password": "wrong password"})
    headers = {"Content-Type": "application/json"}
    answer = await deployment.call("", "POST", "/api/auth/login", content=content, headers=headers)
    assert answer.status_code == (400 if email == "\ud800" else 401)
    if answer.status_code == 401:
        body = answer.json()
        del body["timestamp"]
        message = "Invalid username or password"
        assert body == {"status": 401, "message": message, "errorCode": 10, "code": "wrong_password"}


async def test_failed_sign_ins_are_audited_without_what_was_typed(deployment: Deployment) -> None:
    """Promised by behaviour §6.6."""
    for email in (EMAILS["alice"], "hunter2-typed-into-the-wrong-field"):
        await deployment.refused(
            401, "", "POST", "/api/auth/login", {"username": email, "password": "wrong!"}
        )
    rows = deployment.sql("select failure, entity_name, data, user_name from audit_entry where not success")
    assert sorted(row[0] for row in rows) == ["unknown e-mail address", "wrong password"]
    assert "hunter2" not in str(rows)
    assert "wrong!" not in str(rows)


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(deployment: Deployment) -> None:
    first = await deployment.sign_in(EMAILS["alice"])
    second = await deployment.ok("", "POST", "/api/auth/token", {"refreshToken": first["refreshToken"]})
    deployment.tokens["renewed"] = second["token"]
    await deployment.ok("renewed", "GET", "/api/auth/user")
    await deployment.refused(401, "", "POST", "/api/auth/token", {"refreshToken": first["refreshToken"]})
    await deployment.refused(401, "renewed", "GET", "/api/auth/user")
    await deployment.refused(401, "", "POST", "/api/auth/token", {"refreshToken": second["refreshToken"]})


async def test_tokens_are_not_taken_for_each_other(deployment: Deployment) -> None:
    pair = await deployment.sign_in(EMAILS["alice"])
    deployment.tokens["refresh"] = pair["refreshToken"]
    await deployment.refused(401, "refresh", "GET", "/api/auth/user")
    await deployment.refused(401, "", "POST", "/api/auth/token", {"refreshToken": pair["token"]})


async def test_signing_out_ends_both_tokens_at_once(deployment: Deployment) -> None:
    pair = await deployment.sign_in(EMAILS["alice"])
    deployment.tokens["leaving"] = pair["token"]
    await deployment.ok("leaving", "GET", "/api/auth/user")
    await deployment.ok("leaving", "POST", "/api/auth/logout")
    body = await deployment.refused(401, "leaving", "GET", "/api/auth/user")
    assert body["errorCode"] == 10
    await deployment.refused(401, "", "POST", "/api/auth/token", {"refreshToken": pair["refreshToken"]})


async def test_signing_out_leaves_other_sessions_alone(deployment: Deployment) -> None:
    deployment.tokens["phone"] = (await deployment.sign_in(EMAILS["alice"]))["token"]
    await deployment.ok("alice", "POST", "/api/auth/logout")
    await deployment.ok("phone", "GET", "/api/auth/user")


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def with_header(token: str, **header: str) -> str:
    return ".".join([encoded({"typ": "JWT"} | header), *token.split(".")[1:]])


def signed(token: str, algorithm: str) -> str:
    return jwt.encode(claims_of(token), b"k" * 64, algorithm, headers={"kid": "1"})


def promoted(token: str) -> str:
    header, _, signature = token.split(".")
    return ".".join([header, encoded(claims_of(token) | {"scopes": ["SYS_ADMIN"]}), signature])


FORGERIES: dict[str, Callable[[str], str]] = {
    "no algorithm": lambda token: with_header(token, alg="none", kid="1").rpartition(".")[0] + ".",
    "no key id": lambda token: with_header(token, alg="HS512"),
    "an unknown key id": lambda token: with_header(token, alg="HS512", kid="7"),
    "a key id that is no number": lambda token: with_header(token, alg="HS512", kid="../secret"),
    "a foreign key": lambda token: signed(token, "HS512"),
    "a weaker algorithm": lambda token: signed(token, "HS256"),
    "a higher authority": promoted,
    "a broken signature": lambda token: token[:-6] + "AAAAAA",
    "no dots": lambda _: "token",
    "5000 characters too many": lambda token: token + "x" * 5000,
}


@pytest.mark.parametrize("how", FORGERIES)
async def test_forged_tokens_are_refused(deployment: Deployment, how: str) -> None:
    deployment.tokens["forger"] = FORGERIES[how](await deployment.token("alice"))
    body = await deployment.refused(401, "forger", "GET", "/api/auth/user")
    assert (body["errorCode"], body["message"]) == (10, "Authentication failed")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "token"])
async def test_requests_without_a_token_are_refused(deployment: Deployment, header: str) -> None:
    answer = await deployment.call("", "GET", "/api/auth/user", headers={"X-Authorization": header})
    assert answer.status_code == 401


async def test_the_standard_header_works_too(deployment: Deployment) -> None:
    headers = {"Authorization": f"Bearer {await deployment.token('alice')}"}
    assert (await deployment.call("", "GET", "/api/auth/user", headers=headers)).status_code == 200


async def test_a_session_that_expired_is_over(deployment: Deployment) -> None:
    pair = await deployment.sign_in(EMAILS["alice"])
    deployment.sql("update user_session set expires_at = 1")
    deployment.tokens["late"] = pair["token"]
    await deployment.refused(401, "late", "GET", "/api/auth/user")
    await deployment.refused(401, "", "POST", "/api/auth/token", {"refreshToken": pair["refreshToken"]})


async def test_changing_the_password_ends_all_other_sessions(deployment: Deployment) -> None:
    deployment.tokens["thief"] = (await deployment.sign_in(EMAILS["alice"]))["token"]
    wanted = {"currentPassword": PASSWORD, "newPassword": "another good password"}
    pair = await deployment.ok("alice", "POST", "/api/auth/changePassword", wanted)
    await deployment.refused(401, "thief", "GET", "/api/auth/user")
    await deployment.refused(401, "alice", "GET", "/api/auth/user")
    deployment.tokens["new"] = pair["token"]
    await deployment.ok("new", "GET", "/api/auth/user")
    old = {"username": EMAILS["alice"], "password": PASSWORD}
    await deployment.refused(401, "", "POST", "/api/auth/login", old)
    await deployment.sign_in(EMAILS["alice"], "another good password")


@pytest.mark.parametrize(
    ("current", "new", "pointer"),
    [
        ("not my password", "another good password", "/currentPassword"),
        (PASSWORD, PASSWORD, "/newPassword"),
        (PASSWORD, "short", "/newPassword"),
        (PASSWORD, "x1" * 65, "/newPassword"),
        (PASSWORD, "password123", "/newPassword"),
        (PASSWORD, "PASSWORD123", "/newPassword"),
        (PASSWORD, "aaaaaaaaaaaaaaa", "/newPassword"),
        (PASSWORD, EMAILS["alice"], "/newPassword"),
    ],
)
async def test_passwords_that_can_not_be_are_refused_by_field(
    deployment: Deployment, current: str, new: str, pointer: str
) -> None:
    wanted = {"currentPassword": current, "newPassword": new}
    body = await deployment.refused(400, "alice", "POST", "/api/auth/changePassword", wanted)
    assert body["errors"][0]["pointer"] == pointer
    assert new not in json.dumps(body)
    await deployment.ok("alice", "GET", "/api/auth/user")


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/token", "/api/noauth/activate"])
async def test_bodies_of_strangers_are_small(deployment: Deployment, path: str) -> None:
    answer = await deployment.call("", "POST", path, json={"username": "x" * 20_000, "password": "y"})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"username": 5, "password": "p"}'])
async def test_bodies_that_are_no_sign_in_are_refused(deployment: Deployment, content: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await deployment.call("", "POST", "/api/auth/login", content=content, headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, 31)
