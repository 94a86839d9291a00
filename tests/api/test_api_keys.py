"""API keys: what they are made of, who makes them, what they may, and when they end."""

from typing import Any

import pytest

from deedbox.core.accounts.api_keys import digest_of
from tests.api.deployment import Deployment

DAY_MS = 86_400_000


async def made(deployment: Deployment, who: str, **more: Any) -> dict[str, Any]:
    """A new key of somebody's, who can be called as `who's key` then."""
    key: dict[str, Any] = await deployment.ok(who, "POST", "/api/apiKey", {"description": "report", **more})
    deployment.tokens[f"{who}'s key"] = key["value"]
    return key


async def test_a_key_is_shown_once_and_stands_for_its_user(deployment: Deployment) -> None:
    """As thingsboard §6.3: `value` comes once; the list has the rest."""
    key = await made(deployment, "alice")
    assert digest_of(key["value"]) is not None
    assert (key["enabled"], key["expired"], key["permissions"]) == (True, False, None)
    assert (await deployment.who("alice's key"))["email"] == "alice@deedbox.test"
    user_id = await deployment.user_id("alice")
    (listed,) = (await deployment.ok("alice", "GET", f"/api/apiKeys/{user_id}"))["data"]
    assert "value" not in listed
    assert (listed["id"], listed["description"]) == (key["id"], "report")
    assert listed["lastUsedTime"] > 0
    stored = deployment.sql("select description, permissions from api_key")
    assert key["value"] not in str(stored)


@pytest.mark.parametrize("header", ["X-Authorization", "Authorization"])
@pytest.mark.parametrize("scheme", ["ApiKey", "apikey", "Bearer"])
async def test_headers(deployment: Deployment, header: str, scheme: str) -> None:
    """As thingsboard §6: `X-Authorization: ApiKey <key>`."""
    key = await made(deployment, "alice")
    answer = await deployment.call("", "GET", "/api/auth/user", headers={header: f"{scheme} {key['value']}"})
    assert answer.status_code == 200
    token = await deployment.token("alice")
    answer = await deployment.call("", "GET", "/api/auth/user", headers={header: f"ApiKey {token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "slip",
    [
        lambda it: it[:-1],
        lambda it: it + "a",
        lambda it: it[:-1] + ("a" if it[-1] != "a" else "b"),
        lambda it: it[:10] + ("a" if it[10] != "a" else "b") + it[11:],
        lambda it: it.replace("dbk_", "dbk-"),
        lambda it: "dbk_" + "0" * 42,
        lambda it: "dbk_" + "é" * 42,
    ],
)
async def test_a_misspelt_key_is_nobody(deployment: Deployment, slip: Any) -> None:
    """A slip does not reach the database: the last six characters are a check sum."""
    deployment.tokens["slip"] = slip((await made(deployment, "alice"))["value"])
    if deployment.tokens["slip"].isascii():
        await deployment.refused(401, "slip", "GET", "/api/auth/user")
    assert digest_of(deployment.tokens["slip"]) is None or deployment.tokens["slip"].startswith("dbk_0")


async def test_permissions_are_no_more_than_the_keys_and_the_users(deployment: Deployment) -> None:
    """Issue: scopes. What the key says and what the user may, both."""
    device = await deployment.make_device("gadget-1")
    path = f"/api/device/{device['id']['id']}"
    await made(deployment, "maker", permissions={"DEVICE": ["READ", "CLAIM_DEVICES"]})
    await deployment.ok("maker's key", "GET", path)
    refusal = await deployment.refused(403, "maker's key", "DELETE", path)
    assert "DELETE" in str(refusal)
    await deployment.refused(403, "maker's key", "GET", f"{path}/credentials")
    await deployment.refused(403, "maker's key", "GET", "/api/customers")
    # Only customers claim, whatever a key of an administrator says.
    await deployment.refused(403, "maker's key", "POST", "/api/customer/device/gadget-1/claim", {})
    await made(deployment, "root", permissions={"TENANT": ["READ"]})
    await deployment.ok("root's key", "GET", "/api/tenants")
    await deployment.refused(403, "root's key", "POST", "/api/tenant", {"title": "More Works"})


async def test_a_key_does_nothing_that_asks_for_a_person(deployment: Deployment) -> None:
    """Whoever finds a key must not be able to stay: no further keys, passwords, or somebody else's tokens."""
    key = await made(deployment, "maker")
    alice = await deployment.user_id("alice")
    passwords = {"currentPassword": "a password for everybody", "newPassword": "brand new password"}
    for method, path, body in (
        ("POST", "/api/apiKey", {"description": "another"}),
        ("PUT", f"/api/apiKey/{key['id']['id']}/enabled/true", None),
        ("DELETE", f"/api/apiKey/{key['id']['id']}", None),
        ("GET", f"/api/apiKeys/{alice}", None),
        ("POST", "/api/auth/changePassword", passwords),
        ("POST", "/api/auth/logout", None),
        ("DELETE", "/api/account/sessions", None),
        ("GET", f"/api/user/{alice}/token", None),
    ):
        refusal = await deployment.refused(403, "maker's key", method, path, body)
        assert "API key" in refusal["message"], path


async def test_switching_off_describing_and_deleting(deployment: Deployment) -> None:
    """As thingsboard §6.3: `PUT .../description` takes text, `PUT .../enabled/{bool}`, `DELETE`; at once."""
    key = await made(deployment, "alice")
    path = f"/api/apiKey/{key['id']['id']}"
    await deployment.ok("alice's key", "GET", "/api/auth/user")
    answer = await deployment.call("alice", "PUT", f"{path}/description", content="the nightly one")
    assert answer.json()["description"] == "the nightly one"
    await deployment.ok("alice", "PUT", f"{path}/enabled/false")
    await deployment.refused(401, "alice's key", "GET", "/api/auth/user")
    await deployment.ok("alice", "PUT", f"{path}/enabled/true")
    await deployment.ok("alice's key", "GET", "/api/auth/user")
    await deployment.ok("alice", "DELETE", path)
    await deployment.refused(401, "alice's key", "GET", "/api/auth/user")
    await deployment.refused(404, "alice", "DELETE", path)


async def test_keys_of_others(deployment: Deployment) -> None:
    """As in attacks A12: an administrator sees and ends keys of its people; nobody else does."""
    key = await made(deployment, "alice")
    path, alice = f"/api/apiKey/{key['id']['id']}", await deployment.user_id("alice")
    for who in ("bob", "rival"):
        # A neighbour is refused, a stranger sees nothing.
        status = 403 if who == "bob" else 404
        await deployment.refused(status, who, "PUT", f"{path}/enabled/false")
        await deployment.refused(status, who, "DELETE", path)
        await deployment.refused(status, who, "GET", f"/api/apiKeys/{alice}")
        body = {"description": "theirs", "userId": {"entityType": "USER", "id": alice}}
        await deployment.refused(status, who, "POST", "/api/apiKey", body)
    found = await deployment.ok("maker", "GET", f"/api/apiKeys/{alice}")
    assert found["totalElements"] == 1
    await deployment.ok("maker", "PUT", f"{path}/enabled/false")
    await deployment.refused(401, "alice's key", "GET", "/api/auth/user")


async def test_a_key_ends_with_its_user_and_its_time(deployment: Deployment) -> None:
    """An expired key and one of a disabled or deleted user are nobody's."""
    now_ms = deployment.parts.storage.now_ms()
    await made(deployment, "alice", expirationTime=now_ms + DAY_MS)
    await deployment.ok("alice's key", "GET", "/api/auth/user")
    alice = await deployment.user_id("alice")
    await deployment.ok(
        "maker", "POST", f"/api/user/{alice}/userCredentialsEnabled", userCredentialsEnabled=False
    )
    await deployment.refused(401, "alice's key", "GET", "/api/auth/user")
    key = await made(deployment, "bob", expirationTime=now_ms + DAY_MS)
    deployment.sql("update api_key set expires_at = 1 where last_used_at = 0")
    await deployment.refused(401, "bob's key", "GET", "/api/auth/user")
    bob = await deployment.user_id("bob")
    (listed,) = (await deployment.ok("bob", "GET", f"/api/apiKeys/{bob}"))["data"]
    assert listed["expired"] and listed["id"] == key["id"]
    await deployment.ok("maker", "DELETE", f"/api/user/{bob}")
    assert deployment.sql("select count(*) from api_key")[0][0] == 1


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"permissions": {"DEVICE": ["FLY"]}}, "FLY"),
        ({"permissions": {"ROCKET": ["READ"]}}, "ROCKET"),
        ({"expirationTime": 1}, "future"),
        ({"expirationTime": -1}, "expirationTime"),
        ({"description": "x" * 300}, "description"),
    ],
)
async def test_bad_keys(deployment: Deployment, body: dict[str, Any], named: str) -> None:
    """As behaviour §7 has it: 400 names what is wrong."""
    refusal = await deployment.refused(400, "alice", "POST", "/api/apiKey", body)
    assert named in refusal["message"]


async def test_there_are_at_most_so_many(deployment: Deployment) -> None:
    """A limit on what somebody can grow: `sign_in.api_keys_per_user`."""
    for _ in range(50):
        await made(deployment, "alice")
    refusal = await deployment.refused(403, "alice", "POST", "/api/apiKey", {})
    assert "50" in refusal["message"]
