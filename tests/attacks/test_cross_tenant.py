"""Attack A12 by every operation there is: ids of somebody else's things show nothing and change nothing.

Whatever is added to the API is tried too; an operation that can't be tried is listed here with the reason.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from deedbox.core.access import computed
from deedbox.core.access.computed import ComputedGroup
from deedbox.storage.sqlite import SQLiteStorage
from tests.api.deployment import Deployment
from tests.attacks.openapi_walk import Call, calls

#: What no stranger may see; and what people of the same tenant may.
MARK, TENANTS_MARK = "qzx-for-no-stranger", "qzy-for-no-other-tenant"
ALL_KINDS = 14
#: When a device was last heard of is written some seconds after it spoke, whoever asks what meanwhile.
WRITTEN_LATER = frozenset({"device_activity"})
#: Operation -> why it is not tried with foreign ids.
UNTRIED: Mapping[str, str] = {
    "post /api/auth/login": "takes a name and a password, no ids",
    "post /api/auth/login/public": "takes the id of a public customer, which is for everybody",
    "post /api/auth/token": "takes a token that names its holder",
    "post /api/auth/logout": "ends the session of its caller, and the walk with it",
    "delete /api/account/sessions": "ends the sessions of its caller, and the walk with it",
    "post /api/auth/changePassword": "changes the caller's password, after asking for it",
    "get /api/noauth/activate": "answers to whoever holds the link",
    "post /api/noauth/activate": "answers to whoever holds the link",
    "post /api/noauth/resetPasswordByEmail": "answers alike to everybody",
    "get /api/noauth/resetPassword": "answers to whoever holds the link",
    "post /api/noauth/resetPassword": "answers to whoever holds the link",
}
#: What a neighbour in the same tenant leaves in its log and counters is his own doing.
NEIGHBOURS_OWN = frozenset({"audit_entry", "outbox_event", "spent_attempt"})


class Scene(NamedTuple):
    """What the maker and Alice have: `things` by kind, `ids` of all that the database knows as theirs."""

    things: dict[str, list[str]]
    ids: set[bytes]


@pytest.fixture
async def scene(deployment: Deployment) -> Scene:
    """Alice owns "lamp" and has "house" with it, nobody owns "spare"; whatever can hold a mark does."""
    it = deployment
    lamp, spare = await it.make_device("lamp"), await it.make_device("spare")
    for device, key in ((lamp, "the lamp's key"), (spare, "the spare's key")):
        token = await it.device_token(device["id"]["id"])
        await it.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": key})
        await it.ok("", "POST", f"/api/v1/{token}/attributes", {"state": MARK})
        await it.ok("", "POST", f"/api/v1/{token}/telemetry", {"state": MARK})
        await it.ok("maker", "POST", "/api/device", {"id": device["id"], "label": MARK})
        for scope in ("SERVER_SCOPE", "SHARED_SCOPE"):
            path = f"/api/plugins/telemetry/DEVICE/{device['id']['id']}/attributes/{scope}"
            await it.ok("maker", "POST", path, {"state": MARK})
    await it.ok("alice", "POST", "/api/customer/device/lamp/claim", {"secretKey": "the lamp's key"})
    alice, maker = await it.who("alice"), await it.who("maker")
    home = await it.ok("maker", "GET", f"/api/customer/{alice['customerId']['id']}")
    await it.ok("maker", "POST", "/api/customer", home | {"address": MARK})
    await it.ok("maker", "POST", "/api/user", alice | {"lastName": MARK})
    profile = await it.ok("maker", "POST", "/api/deviceProfile", {"name": TENANTS_MARK})
    house = await a_house(it, alice["customerId"], lamp["id"])
    command = {"method": MARK, "params": {"state": MARK}, "persistent": True}
    key = await it.ok("alice", "POST", "/api/apiKey", {"description": MARK})
    sent = await it.ok("alice", "POST", f"/api/rpc/oneway/{lamp['id']['id']}", command)
    things = {
        "DEVICE": [lamp["id"]["id"], spare["id"]["id"]],
        "CUSTOMER": [alice["customerId"]["id"]],
        "USER": [alice["id"]["id"], maker["id"]["id"]],
        "TENANT": [alice["tenantId"]["id"]],
        "DEVICE_PROFILE": [profile["id"]["id"]],
        "ASSET": [house["id"]["id"]],
        "ASSET_PROFILE": [house["assetProfileId"]["id"]],
        "RPC": [sent["rpcId"]],
        "API_KEY": [key["id"]["id"]],
        "SESSION": [listed["id"] for listed in await it.ok("alice", "GET", "/api/account/sessions")],
        **await a_shed(it, lamp["id"]["id"], spare["id"]["id"]),
    }
    # Where telemetry waits is left at the first question about it, whoever asks.
    await it.parts.storage.settle([UUID(device_id) for device_id in things["DEVICE"]])
    return Scene(things, {UUID(thing).bytes for found in things.values() for thing in found})


async def a_house(deployment: Deployment, customer_id: Any, device_id: Any) -> dict[str, Any]:
    """An asset of the customer's, to which the device is related."""
    it, body = deployment, {"name": "house", "type": TENANTS_MARK, "label": MARK, "customerId": customer_id}
    house: dict[str, Any] = await it.ok("maker", "POST", "/api/asset", body)
    path = f"/api/plugins/telemetry/ASSET/{house['id']['id']}"
    await it.ok("maker", "POST", f"{path}/attributes/SERVER_SCOPE", {"state": MARK})
    await it.ok("maker", "POST", f"{path}/timeseries/ANY", {"state": MARK})
    ends = {"from": house["id"], "to": device_id}
    await it.ok("maker", "POST", "/api/relation", ends | {"type": "Contains", "additionalInfo": MARK})
    return house


async def a_shed(deployment: Deployment, lamp: str, spare: str) -> dict[str, list[str]]:
    """A group with the spare in it, and a role for it that people of the tenant have."""
    it, made = deployment, {}
    marked = {"additionalInfo": {"state": MARK}}
    for name, kind in (("shed", "DEVICE"), ("gardeners", "USER")):
        made[kind] = await it.ok("maker", "POST", "/api/entityGroup", {"name": name, "type": kind} | marked)
    put = f"/api/entityGroup/{made['DEVICE']['id']['id']}/addEntities"
    await it.ok("maker", "POST", put, [spare])
    await it.refused(404, "maker", "POST", put, [lamp])
    role = {"name": "looking", "type": "GROUP", "permissions": ["READ"]} | marked
    role = await it.ok("maker", "POST", "/api/role", role)
    ids = {"userGroupId": made["USER"]["id"], "roleId": role["id"], "entityGroupId": made["DEVICE"]["id"]}
    given = await it.ok("maker", "POST", "/api/groupPermission", ids)
    return {
        "ENTITY_GROUP": [made["DEVICE"]["id"]["id"]],
        "USER_GROUP": [made["USER"]["id"]["id"]],
        "ROLE": [role["id"]["id"]],
        "GROUP_PERMISSION": [given["id"]["id"]],
    }


async def test_a12_groups_never_reach_over_tenants(deployment: Deployment, scene: Scene) -> None:
    """Attacks A12: another tenant's things in one's own groups, and its roles and groups in one's own."""
    theirs, it = {kind: found[0] for kind, found in scene.things.items()}, deployment
    own: dict[str, dict[str, Any]] = {}
    for kind in ("DEVICE", "ASSET", "USER", "CUSTOMER"):
        own[kind] = (await it.ok("rival", "POST", "/api/entityGroup", {"name": "own", "type": kind}))["id"]
        path = f"/api/entityGroup/{own[kind]['id']}/addEntities"
        for thing in scene.things[kind]:
            await it.refused(404, "rival", "POST", path, [thing])
    role = await it.ok("rival", "POST", "/api/role", {"name": "r", "type": "GROUP", "permissions": ["ALL"]})
    whole = {"userGroupId": own["USER"], "roleId": role["id"], "entityGroupId": own["DEVICE"]}
    for field, kind in (("userGroupId", "USER_GROUP"), ("roleId", "ROLE"), ("entityGroupId", "ENTITY_GROUP")):
        body = whole | {field: {"entityType": "X", "id": theirs[kind]}}
        await it.refused(404, "rival", "POST", "/api/groupPermission", body)
    for owner in ("TENANT", "CUSTOMER"):
        body = {"name": "x", "type": "DEVICE", "ownerId": {"entityType": owner, "id": theirs[owner]}}
        await it.refused(404, "rival", "POST", "/api/entityGroup", body)
        everything = computed.group_id(UUID(theirs[owner]), ComputedGroup.ALL_DEVICES)
        await it.refused(404, "rival", "GET", f"/api/entityGroup/{everything}/devices?pageSize=9&page=0")
    await it.ok("rival", "POST", "/api/groupPermission", whole)


async def test_a12_another_tenants_administrator(deployment: Deployment, scene: Scene) -> None:
    """Attacks A12: as the administrator of another tenant."""
    await walk(deployment, scene, "rival")


async def test_a12_another_tenants_customer(deployment: Deployment, scene: Scene) -> None:
    """Attacks A12: as a customer's user of another tenant."""
    home = await deployment.ok("rival", "POST", "/api/customer", {"title": "Carol's home"})
    user = {"email": "carol@elsewhere.test", "authority": "CUSTOMER_USER", "customerId": home["id"]}
    await deployment.make_user("rival", user)
    deployment.tokens["carol"] = (await deployment.sign_in(user["email"]))["token"]
    await walk(deployment, scene, "carol")


async def test_a12_another_customer_of_the_tenant(deployment: Deployment, scene: Scene) -> None:
    """Attacks A11, A12: as a user of the customer next door, about what Alice owns."""
    kinds = ("DEVICE", "CUSTOMER", "USER", "RPC", "ASSET", "SESSION")
    things = {kind: scene.things[kind] for kind in kinds}
    ids = {UUID(thing).bytes for found in things.values() for thing in found}
    await walk(deployment, Scene(things, ids), "bob", NEIGHBOURS_OWN)


async def test_a12_nobody(deployment: Deployment, scene: Scene) -> None:
    """Attacks A12: without signing in."""
    await walk(deployment, scene, "")


async def walk(
    deployment: Deployment, scene: Scene, who: str, unwatched: frozenset[str] = frozenset()
) -> None:
    """Call every operation; fail on the first answer that shows or changes what is not the caller's."""
    document = (await deployment.call("", "GET", "/docs/openapi.json")).json()
    before = owned_rows(deployment, scene.ids, unwatched)
    assert sum(map(len, before.values())) > 20
    texts, tried = [str(UUID(bytes=it)) for it in scene.ids], set()
    for method, template in operations(document):
        for call in calls(document, method, template, scene.things):
            answer = await deployment.call(who, call.method, call.path, params=call.query, **body_of(call))
            tried.add(f"{method} {template}")
            told = f"{who} {call}: {answer.status_code} {answer.text[:500]}"
            assert answer.status_code in (200, 400, 401, 403, 404), told
            assert MARK not in answer.text, told
            assert who == "bob" or TENANTS_MARK not in answer.text, told
            assert answer.status_code != 200 or not [it for it in texts if it in answer.text], told
            assert answer.status_code != 200 or not (call.names_theirs and call.method != "GET"), told
            assert owned_rows(deployment, scene.ids, unwatched) == before, told
    if len(scene.things) == ALL_KINDS:
        assert {f"{method} {template}" for method, template in operations(document)} == tried


def operations(document: Any) -> Iterator[tuple[str, str]]:
    """Yield method and path template of all that is tried."""
    for template, methods in document["paths"].items():
        for method in methods:
            if f"{method} {template}" not in UNTRIED:
                yield method, template


async def test_untried_operations_are_there(deployment: Deployment) -> None:
    """What is listed as untried exists."""
    document = (await deployment.call("", "GET", "/docs/openapi.json")).json()
    known = {f"{method} {template}" for template, methods in document["paths"].items() for method in methods}
    assert set(UNTRIED) <= known


def body_of(call: Call) -> dict[str, Any]:
    """Return the body as httpx takes it."""
    return {} if call.json is None else {"json": call.json}


def owned_rows(
    deployment: Deployment, ids: set[bytes], unwatched: frozenset[str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table that holds one of these ids."""
    storage = deployment.parts.storage
    assert isinstance(storage, SQLiteStorage)
    connection = sqlite3.connect(storage.path)
    try:
        tables = [it[0] for it in connection.execute("select name from sqlite_master where type = 'table'")]
        return {
            table: [
                row for row in connection.execute(f"select * from {table}") if not ids.isdisjoint(_ids(row))
            ]
            for table in tables
            if table not in unwatched | WRITTEN_LATER
        }
    finally:
        connection.close()


def _ids(row: tuple[Any, ...]) -> set[Any]:
    return {it for it in row if isinstance(it, bytes)}
