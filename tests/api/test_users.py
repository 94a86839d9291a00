"""Users over REST: who may make, change, read and delete whom."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.deployment import EMAILS, PASSWORD, Deployment


async def home_of(deployment: Deployment, name: str = "alice") -> dict[str, Any]:
    """The customer of one of the people, as a reference."""
    return dict((await deployment.who(name))["customerId"])


async def test_a_user_is_made_invited_and_signs_in(deployment: Deployment) -> None:
    draft = {
        "email": "Carol@Deedbox.test",
        "authority": "CUSTOMER_USER",
        "customerId": await home_of(deployment),
        "firstName": "Carol",
        "phone": "+49 30 1234",
        "additionalInfo": {"lang": "de"},
    }
    made = await deployment.invite("maker", draft)
    assert (made["email"], made["name"]) == ("carol@deedbox.test", "carol@deedbox.test")
    assert (made["firstName"], made["lastName"], made["phone"]) == ("Carol", None, "+49 30 1234")
    assert made["additionalInfo"] == {"lang": "de", "userCredentialsEnabled": True, "userActivated": False}
    assert made["tenantId"] == (await deployment.who("maker"))["tenantId"]
    token = await deployment.activation_token("maker", made["id"]["id"])
    await deployment.ok("", "POST", "/api/noauth/activate", {"activateToken": token, "password": PASSWORD})
    await deployment.sign_in("CAROL@deedbox.test")


async def test_what_was_read_can_be_sent_back(deployment: Deployment) -> None:
    user = await deployment.who("alice")
    saved = await deployment.ok("maker", "POST", "/api/user", user)
    assert saved == user | {"version": user["version"] + 1}


async def test_absent_fields_stay_and_null_clears(deployment: Deployment) -> None:
    user_id = (await deployment.who("alice"))["id"]
    both = {"id": user_id, "firstName": "Ada", "lastName": "L"}
    await deployment.ok("maker", "POST", "/api/user", both)
    saved = await deployment.ok("maker", "POST", "/api/user", {"id": user_id, "lastName": None})
    assert (saved["firstName"], saved["lastName"], saved["email"]) == ("Ada", None, EMAILS["alice"])


async def test_a_stale_version_is_a_conflict(deployment: Deployment) -> None:
    user = await deployment.who("alice")
    await deployment.ok("maker", "POST", "/api/user", user)
    body = await deployment.refused(409, "maker", "POST", "/api/user", user)
    assert body["errorCode"] == 35


@pytest.mark.parametrize("email", ["alice@deedbox.test", "ALICE@deedbox.test", "rival@elsewhere.test"])
async def test_an_address_is_taken_once_in_the_deployment(deployment: Deployment, email: str) -> None:
    """Promised by behaviour §7."""
    draft = {"email": email, "authority": "TENANT_ADMIN"}
    body = await deployment.refused(400, "maker", "POST", "/api/user", draft)
    assert (body["errors"][0]["pointer"], body["code"]) == ("/email", "name_taken")


BAD = [
    ({"authority": "TENANT_ADMIN"}, "/email"),
    ({"authority": "TENANT_ADMIN", "email": ""}, "/email"),
    ({"authority": "TENANT_ADMIN", "email": "no address"}, "/email"),
    ({"authority": "TENANT_ADMIN", "email": "a@b@c.test"}, "/email"),
    ({"authority": "TENANT_ADMIN", "email": f"{'x' * 250}@c.test"}, "/email"),
    ({"authority": "TENANT_ADMIN", "email": "a\x00b@c.test"}, "/email"),
    ({"email": "new@deedbox.test"}, "/authority"),
    ({"email": "new@deedbox.test", "authority": "CUSTOMER_USER"}, "/customerId"),
    ({"email": "new@deedbox.test", "authority": "TENANT_ADMIN", "firstName": "x" * 256}, "/firstName"),
    ({"email": "new@deedbox.test", "authority": "TENANT_ADMIN", "lastName": "<b>x</b>"}, "/lastName"),
    ({"email": "new@deedbox.test", "authority": "TENANT_ADMIN", "phone": "1\n2"}, "/phone"),
]


@pytest.mark.parametrize(("draft", "pointer"), BAD)
async def test_what_can_not_be_a_user_is_refused_by_field(
    deployment: Deployment, draft: dict[str, Any], pointer: str
) -> None:
    body = await deployment.refused(400, "maker", "POST", "/api/user", draft)
    assert body["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("authority", ["ROOT", "", "customer_user", 5, None])
async def test_unknown_authorities_are_refused(deployment: Deployment, authority: object) -> None:
    draft = {"email": "new@deedbox.test", "authority": authority}
    await deployment.refused(400, "maker", "POST", "/api/user", draft)


async def test_names_may_have_255_odd_characters(deployment: Deployment) -> None:
    name = "Zoë / O'Brien & 李 <3" + "x" * 236
    user_id = (await deployment.who("alice"))["id"]
    saved = await deployment.ok("maker", "POST", "/api/user", {"id": user_id, "lastName": name[:255]})
    assert saved["lastName"] == name[:255]


async def test_a_body_that_is_too_large_is_refused(deployment: Deployment) -> None:
    answer = await deployment.call("maker", "POST", "/api/user", json={"email": "x" * 200_000})
    assert answer.status_code == 413


@pytest.mark.parametrize("authority", ["SYS_ADMIN", "TENANT_ADMIN", "CUSTOMER_USER"])
async def test_customers_users_make_nobody(deployment: Deployment, authority: str) -> None:
    draft = {"email": "new@deedbox.test", "authority": authority, "customerId": await home_of(deployment)}
    await deployment.refused(403, "alice", "POST", "/api/user", draft)


async def test_tenants_administrators_make_no_system_administrators(deployment: Deployment) -> None:
    draft = {"email": "new@deedbox.test", "authority": "SYS_ADMIN"}
    await deployment.refused(403, "maker", "POST", "/api/user", draft)
    await deployment.ok("root", "POST", "/api/user", draft)


async def test_system_administrators_make_no_users_of_customers(deployment: Deployment) -> None:
    alice = await deployment.who("alice")
    draft = {key: alice[key] for key in ("tenantId", "customerId", "authority")}
    await deployment.refused(403, "root", "POST", "/api/user", draft | {"email": "new@deedbox.test"})


async def test_a_tenant_is_needed_and_must_exist(deployment: Deployment) -> None:
    draft: dict[str, Any] = {"email": "new@deedbox.test", "authority": "TENANT_ADMIN"}
    body = await deployment.refused(400, "root", "POST", "/api/user", draft)
    assert body["errors"][0]["pointer"] == "/tenantId"
    unknown = {"entityType": "TENANT", "id": str(uuid4())}
    await deployment.refused(404, "root", "POST", "/api/user", draft | {"tenantId": unknown})


async def test_nobody_makes_users_in_another_tenant(deployment: Deployment) -> None:
    maker, home = await deployment.who("maker"), await home_of(deployment)
    into_tenant = {"email": "new@deedbox.test", "authority": "TENANT_ADMIN", "tenantId": maker["tenantId"]}
    await deployment.refused(404, "rival", "POST", "/api/user", into_tenant)
    into_customer = {"email": "new@deedbox.test", "authority": "CUSTOMER_USER", "customerId": home}
    await deployment.refused(404, "rival", "POST", "/api/user", into_customer)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/user/{}"),
        ("DELETE", "/api/user/{}"),
        ("GET", "/api/user/{}/activationLink"),
        ("GET", "/api/user/{}/activationLinkInfo"),
        ("GET", "/api/user/{}/resetLink"),
        ("GET", "/api/user/{}/token"),
        ("POST", "/api/user/{}/userCredentialsEnabled"),
    ],
)
async def test_users_of_another_tenant_do_not_exist(deployment: Deployment, method: str, path: str) -> None:
    for name in ("alice", "maker", "root"):
        user_id = await deployment.user_id(name)
        await deployment.refused(404, "rival", method, path.format(user_id))
    await deployment.refused(404, "rival", method, path.format(uuid4()))
    await deployment.refused(400, "rival", method, path.format("no-uuid"))
    bob = await deployment.user_id("bob")
    await deployment.refused(403, "alice", method, path.format(bob))
    await deployment.refused(401, "", method, path.format(bob))


async def test_changing_a_user_of_another_tenant_finds_none(deployment: Deployment) -> None:
    alice = await deployment.who("alice")
    await deployment.refused(404, "rival", "POST", "/api/user", {"id": alice["id"], "firstName": "x"})


async def test_customers_users_change_their_own_names_only(deployment: Deployment) -> None:
    alice = await deployment.who("alice")
    saved = await deployment.ok(
        "alice", "POST", "/api/user", alice | {"firstName": "Ada", "additionalInfo": {"vip": True}}
    )
    assert saved["firstName"] == "Ada"
    assert "vip" not in saved["additionalInfo"]
    await deployment.refused(403, "alice", "POST", "/api/user", {"id": alice["id"], "email": "b@c.test"})
    bob = await deployment.who("bob")
    await deployment.refused(403, "alice", "POST", "/api/user", {"id": bob["id"], "firstName": "x"})


@pytest.mark.parametrize("who", ["alice", "maker"])
async def test_authority_tenant_and_customer_never_change(deployment: Deployment, who: str) -> None:
    alice, rival = await deployment.who("alice"), await deployment.who("rival")
    for field, value in (
        ("authority", "TENANT_ADMIN"),
        ("tenantId", rival["tenantId"]),
        ("customerId", await home_of(deployment, "bob")),
    ):
        body = await deployment.refused(400, who, "POST", "/api/user", {"id": alice["id"], field: value})
        assert body["errors"][0]["pointer"] == f"/{field}"


async def test_a_changed_address_signs_in_and_the_old_one_does_not(deployment: Deployment) -> None:
    alice = await deployment.who("alice")
    await deployment.ok("maker", "POST", "/api/user", {"id": alice["id"], "email": "ada@deedbox.test"})
    assert (await deployment.who("alice"))["email"] == "ada@deedbox.test"
    await deployment.sign_in("ada@deedbox.test")
    old = {"username": EMAILS["alice"], "password": PASSWORD}
    await deployment.refused(401, "", "POST", "/api/auth/login", old)


async def test_a_disabled_user_is_out_at_once_and_comes_back(deployment: Deployment) -> None:
    path = f"/api/user/{await deployment.user_id('alice')}/userCredentialsEnabled"
    await deployment.ok("maker", "POST", path, userCredentialsEnabled="False")
    await deployment.refused(401, "alice", "GET", "/api/auth/user")
    right = {"username": EMAILS["alice"], "password": PASSWORD}
    body = await deployment.refused(401, "", "POST", "/api/auth/login", right)
    assert body["message"] == "User account is not active"
    wrong = await deployment.refused(401, "", "POST", "/api/auth/login", right | {"password": "wrong"})
    assert wrong["message"] == "Invalid username or password"
    await deployment.ok("maker", "POST", path, userCredentialsEnabled="True")
    await deployment.sign_in(EMAILS["alice"])


async def test_a_deleted_user_is_out_at_once(deployment: Deployment) -> None:
    user_id = await deployment.user_id("alice")
    await deployment.ok("maker", "DELETE", f"/api/user/{user_id}")
    await deployment.refused(401, "alice", "GET", "/api/auth/user")
    await deployment.refused(404, "maker", "GET", f"/api/user/{user_id}")


@pytest.mark.parametrize("last", ["root", "maker"])
async def test_the_last_administrator_stays(deployment: Deployment, last: str) -> None:
    user = await deployment.who(last)
    path = f"/api/user/{user['id']['id']}"
    body = await deployment.refused(400, last, "DELETE", path)
    assert "Make another one first" in body["message"]
    off = {"userCredentialsEnabled": "false"}
    await deployment.refused(400, last, "POST", f"{path}/userCredentialsEnabled", **off)
    another = {"email": "another@deedbox.test", "authority": user["authority"], "tenantId": user["tenantId"]}
    await deployment.make_user(last, another)
    await deployment.ok(last, "DELETE", path)


async def test_a_system_administrator_who_never_signed_in_does_not_count(deployment: Deployment) -> None:
    await deployment.invite("root", {"email": "another@deedbox.test", "authority": "SYS_ADMIN"})
    await deployment.refused(400, "root", "DELETE", f"/api/user/{await deployment.user_id('root')}")


async def test_changes_are_audited_where_the_users_tenant_sees_them(deployment: Deployment) -> None:
    await deployment.sign_in(EMAILS["alice"])
    maker = await deployment.who("maker")
    draft = {"email": "second@deedbox.test", "authority": "TENANT_ADMIN", "tenantId": maker["tenantId"]}
    made = await deployment.make_user("root", draft)
    rows = deployment.sql(
        "select action, user_name, data from audit_entry where entity_name = ? order by id", draft["email"]
    )
    assert [row[:2] for row in rows] == [
        ("ADDED", EMAILS["root"]),
        ("CREDENTIALS_READ", EMAILS["root"]),
        ("LOGIN", draft["email"]),
    ]
    assert made["email"] in rows[0][2]
    tenants = deployment.sql(
        "select distinct tenant_id from audit_entry where entity_name = ?", draft["email"]
    )
    assert tenants == [(UUID(maker["tenantId"]["id"]).bytes,)]
