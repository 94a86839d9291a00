"""Attributes over REST: every address, every scope, who may, and what bodies are taken (thingsboard §6.7)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.values_site import NOW, ValuesSite

#: An id that nothing has; a constant, so that parallel test processes collect the same tests.
NOBODYS = "01a2092b-0000-7000-8d9b-19be36241701"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ValuesSite]:
    site = ValuesSite(tmp_path)
    await site.open()
    yield site
    await site.close()


async def values(site: ValuesSite, who: str, path: str) -> dict[str, Any]:
    answer = await site.call(who, "GET", path)
    assert answer.status_code == 200, answer.text
    return {it["key"]: it["value"] for it in answer.json()}


@pytest.mark.parametrize("address", ["/DEVICE/{}/attributes/{}", "/DEVICE/{}/{}", "/{}/{}"])
@pytest.mark.parametrize("scope", ["SERVER_SCOPE", "SHARED_SCOPE"])
async def test_every_address_writes(site: ValuesSite, address: str, scope: str) -> None:
    device_id = await site.device()
    written = await site.call("maker", "POST", address.format(device_id, scope), json={"a": 1})
    assert (written.status_code, written.content) == (200, b"")
    read = await site.call("maker", "GET", f"/DEVICE/{device_id}/values/attributes/{scope}")
    assert read.json() == [{"lastUpdateTs": NOW, "key": "a", "value": 1}]


async def test_reads_of_all_scopes_named_and_listed(site: ValuesSite) -> None:
    device_id = await site.device()
    for scope in ("SERVER_SCOPE", "SHARED_SCOPE"):
        await site.call("maker", "POST", f"/{device_id}/{scope}", json={"both": scope, scope: True})
    await site.report(device_id, {"firmware": "1.0", "both": "CLIENT_SCOPE"})
    read = await site.call("maker", "GET", f"/DEVICE/{device_id}/values/attributes")
    assert [it["value"] for it in read.json() if it["key"] == "both"] == [
        "SERVER_SCOPE", "SHARED_SCOPE", "CLIENT_SCOPE",
    ]  # fmt: skip
    named = f"/DEVICE/{device_id}/values/attributes"
    assert await values(site, "maker", named + "?keys=firmware,unknown") == {"firmware": "1.0"}
    assert await values(site, "maker", named + "?key=firmware&key=SERVER_SCOPE&keys=both") == {
        "SERVER_SCOPE": True, "firmware": "1.0",
    }  # fmt: skip
    for scope, keys in (
        ("", ["SERVER_SCOPE", "both", "SHARED_SCOPE", "firmware"]),
        ("/CLIENT_SCOPE", ["both", "firmware"]),
    ):
        listed = await site.call("maker", "GET", f"/DEVICE/{device_id}/keys/attributes{scope}")
        assert listed.json() == keys


@pytest.mark.parametrize("address", ["/DEVICE/{}/{}", "/{}/{}"])
@pytest.mark.parametrize("scope", ["SERVER_SCOPE", "SHARED_SCOPE", "CLIENT_SCOPE"])
async def test_deletes_in_every_scope_and_twice(site: ValuesSite, address: str, scope: str) -> None:
    device_id = await site.device()
    await site.call("maker", "POST", f"/{device_id}/{scope}", json={"a": 1, "b": 2, "c": 3})
    await site.report(device_id, {"a": 1, "b": 2, "c": 3})
    for _ in range(2):
        gone = await site.call("maker", "DELETE", address.format(device_id, scope) + "?keys=a,b")
        assert (gone.status_code, gone.content) == (200, b"")
    assert await values(site, "maker", f"/DEVICE/{device_id}/values/attributes/{scope}") == {"c": 3}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (True, True),
        (5, 5),
        ("5", 5),
        ("-5.25", -5.25),
        ("1e3", "1e3"),
        ("true", "true"),
        (42.0, 42.0),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        ("9223372036854775808", "9223372036854775808"),
        ("", ""),
        ("Größe", "Größe"),
        ([1, {"x": None}], [1, {"x": None}]),
        ({}, {}),
    ],
)
async def test_kinds_of_values(site: ValuesSite, sent: object, kept: object) -> None:
    device_id = await site.device()
    written = await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"a": sent})
    assert written.status_code == 200, written.text
    found = (await values(site, "maker", f"/DEVICE/{device_id}/values/attributes"))["a"]
    assert (found, type(found)) == (kept, type(kept))


async def test_bodies_as_clients_send_them(site: ValuesSite) -> None:
    """JSON as text/plain, and wrapped in a JSON string (design: traps seen)."""
    device_id = await site.device()
    for body, content_type in (
        ('{"a": 1}', "text/plain"),
        (json.dumps('{"b": 2}'), "application/json"),
        ('{"c": 3}', ""),
    ):
        path, headers = f"/{device_id}/SHARED_SCOPE", {"Content-Type": content_type}
        written = await site.call("maker", "POST", path, content=body, headers=headers)
        assert written.status_code == 200, written.text
    assert await values(site, "maker", f"/DEVICE/{device_id}/values/attributes") == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("\xff", "Invalid JSON"),
        ("[1]", "JSON object"),
        ("7", "JSON object"),
        ('"seven"', "Invalid JSON"),
        ("{}", "no values"),
        ('{"a": null}', "'a' is null"),
        ('{" ": 1}', "blank"),
        ('{"%s": 1}' % ("k" * 256), "256 characters"),
        ('{"a": "\\u0000"}', "NUL"),
        ('{"a": 1e400}', "Invalid JSON"),
        ('{"secretKey": "hush", "expirationTime": "1767225600000"}', '{"claimingData":'),
    ],
)
async def test_bad_bodies_are_refused_clearly(site: ValuesSite, body: str, says: str) -> None:
    device_id = await site.device()
    path = f"/DEVICE/{device_id}/SERVER_SCOPE"
    refused = await site.call("maker", "POST", path, content=body.encode("latin-1"))
    assert (refused.status_code, refused.json()["errorCode"]) == (400, 31)
    assert says in refused.json()["message"]
    assert "hush" not in refused.text
    assert await values(site, "maker", f"/DEVICE/{device_id}/values/attributes") == {}


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("POST", "/DEVICE/{id}/CLIENT_SCOPE", 400, "CLIENT_SCOPE"),
        ("POST", "/DEVICE/{id}/ANY", 400, "Invalid scope"),
        ("POST", "/DASHBOARD/{id}/SERVER_SCOPE", 400, "no values here"),
        ("POST", "/DEVICE/nonsense/SERVER_SCOPE", 400, "UUID"),
        ("GET", "/DEVICE/{id}/values/attributes/OTHER", 400, "Invalid scope"),
        ("DELETE", "/DEVICE/{id}/SERVER_SCOPE", 400, "keys"),
        ("DELETE", "/DEVICE/{id}/SERVER_SCOPE?keys=,", 400, "keys"),
        ("GET", f"/DEVICE/{NOBODYS}/values/attributes", 404, "wasn't found"),
        ("POST", f"/DEVICE/{NOBODYS}/SHARED_SCOPE", 404, "wasn't found"),
    ],
)
async def test_bad_addresses(site: ValuesSite, method: str, path: str, status: int, says: str) -> None:
    device_id = await site.device()
    more = {"json": {"a": 1}} if method == "POST" else {}
    refused = await site.call("maker", method, path.format(id=device_id), **more)
    assert refused.status_code == status
    assert says in refused.json()["message"]


@pytest.mark.parametrize(
    ("who", "read", "server", "shared"),
    [("maker", 200, 200, 200), ("alice", 200, 403, 200), ("bob", 403, 403, 403), ("rival", 404, 404, 404),
     ("root", 403, 403, 403), ("nobody", 401, 401, 401)],
)  # fmt: skip
async def test_who_may(site: ValuesSite, who: str, read: int, server: int, shared: int) -> None:
    """Owners read attributes and write SHARED_SCOPE; other tenants find nothing (behaviour §5)."""
    device_id = await site.device()
    await site.give(device_id, site.alices)
    for path in ("values/attributes", "keys/attributes", "values/attributes/SERVER_SCOPE"):
        assert (await site.call(who, "GET", f"/DEVICE/{device_id}/{path}")).status_code == read
    for scope, status in (("SERVER_SCOPE", server), ("SHARED_SCOPE", shared)):
        written = await site.call(who, "POST", f"/{device_id}/{scope}", json={"a": 1})
        assert written.status_code == status
        deleted = await site.call(who, "DELETE", f"/{device_id}/{scope}?keys=a")
        assert deleted.status_code == status


async def test_customers_and_tenants_have_server_attributes(site: ValuesSite) -> None:
    await site.device()
    for kind, holder_id in (("CUSTOMER", site.alices), ("TENANT", site.tenant_id)):
        path = f"/{kind}/{holder_id}"
        assert (await site.call("maker", "POST", path + "/SERVER_SCOPE", json={"a": 1})).status_code == 200
        assert await values(site, "maker", path + "/values/attributes") == {"a": 1}
        refused = await site.call("maker", "POST", path + "/SHARED_SCOPE", json={"a": 1})
        assert refused.status_code == 400
        assert (await site.call("rival", "GET", path + "/values/attributes")).status_code == 404


async def test_changes_are_recorded_by_name_only(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"wifi": "hush-hush"})
    await site.call("maker", "DELETE", f"/{device_id}/SERVER_SCOPE?keys=wifi")
    audit = await site.audit()
    assert [(who, action) for who, action, _ in audit] == [
        ("maker@example.org", "ATTRIBUTES_UPDATED"),
        ("maker@example.org", "ATTRIBUTES_DELETED"),
    ]
    for _, _, data in audit:
        assert json.loads(data) == {
            "entityId": str(device_id), "scope": "SERVER_SCOPE", "attributes": ["wifi"],
        }  # fmt: skip


async def test_a_waiting_device_hears_of_shared_changes(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"quiet": 1})
    for method, path in (("POST", ""), ("DELETE", "?keys=loud")):
        more = {"json": {"loud": 1}} if method == "POST" else {}
        async with site.heard(device_id) as names:
            await site.call("maker", method, f"/{device_id}/SHARED_SCOPE{path}", **more)
        assert names == {"loud"}


async def test_bodies_are_documented_with_examples(site: ValuesSite) -> None:
    paths = (await site.openapi())["paths"]
    prefix = "/api/plugins/telemetry/{entity_type}/{entity_id}"
    for path in ("/attributes/{scope_name}", "/timeseries/{scope_name}"):
        media = paths[prefix + path]["post"]["requestBody"]["content"]["application/json"]
        assert media["examples"]
