"""The character NUL, wherever a text may stand: PostgreSQL can't keep it, and both databases say the same."""

from typing import Any

import pytest

from tests.api.deployment import Deployment

NUL = "a\0b"
DEVICE = "/api/plugins/telemetry/DEVICE/{id}"
WHOLE = {"startTs": 0, "endTs": 10**13}
FIND = "/api/entitiesQuery/find"


def finding(key: dict[str, Any], name: str = "") -> dict[str, Any]:
    """A query for entities whose name begins so, which compares a text."""
    predicate = {"type": "STRING", "operation": "EQUAL", "value": {"defaultValue": NUL}}
    return {
        "entityFilter": {"type": "entityName", "entityType": "DEVICE", "entityNameFilter": name},
        "pageLink": {"pageSize": 10, "page": 0, "textSearch": ""},
        "keyFilters": [{"key": key, "valueType": "STRING", "predicate": predicate}],
    }


NAME = {"type": "ENTITY_FIELD", "key": "name"}
REFUSED = [
    ("GET", "/api/tenant/devices", None, {"pageSize": 10, "page": 0, "textSearch": NUL}),
    ("GET", "/api/tenant/devices", None, {"deviceName": NUL}),
    ("GET", "/api/tenant/devices", None, {"pageSize": 10, "page": 0, "type": NUL}),
    ("POST", "/api/deviceProfile", {"name": NUL, "type": "DEFAULT"}, {}),
    ("GET", "/api/customers", None, {"pageSize": 10, "page": 0, "textSearch": NUL}),
    ("GET", "/api/users", None, {"pageSize": 10, "page": 0, "textSearch": NUL}),
    ("GET", "/api/tenant/assets", None, {"pageSize": 10, "page": 0, "textSearch": NUL}),
    ("GET", f"{DEVICE}/values/timeseries", None, {"keys": NUL} | WHOLE),
    ("DELETE", f"{DEVICE}/timeseries/delete", None, {"keys": NUL, "deleteAllDataForKeys": True}),
    ("POST", "/api/device", {"name": NUL, "type": "lamp"}, {}),
    ("POST", "/api/device", {"name": "b", "type": NUL}, {}),
    ("POST", "/api/device", {"name": "b", "type": "lamp", "label": NUL}, {}),
    ("POST", "/api/device", {"name": "b", "type": "lamp", "additionalInfo": {"a": [NUL]}}, {}),
    ("POST", "/api/auth/login", {"username": NUL, "password": "x"}, {}),
    ("POST", "/api/customer/device/a%00b/claim", {"secretKey": "k"}, {}),
    ("DELETE", "/api/customer/device/a%00b/claim", None, {}),
    ("GET", "/api/audit/logs", None, {"pageSize": 10, "page": 0, "textSearch": NUL}),
    ("POST", FIND, finding({"type": "TIME_SERIES", "key": NUL}), {}),
    ("POST", f"{DEVICE}/attributes/SHARED_SCOPE", {"a": NUL}, {}),
    ("POST", f"{DEVICE}/attributes/SHARED_SCOPE", {NUL: 1}, {}),
    ("POST", f"{DEVICE}/timeseries/ANY", {"a": NUL}, {}),
    ("POST", f"{DEVICE}/timeseries/ANY", {NUL: 1}, {}),
    ("POST", "/api/v1/{token}/telemetry", {"a": NUL}, {}),
    ("POST", "/api/v1/{token}/telemetry", {NUL: 1}, {}),
    ("POST", "/api/v1/{token}/attributes", {"a": NUL}, {}),
    ("POST", "/api/v1/{token}/attributes", {NUL: 1}, {}),
    (
        "POST",
        FIND,
        finding(NAME, NUL),
        {},
    ),
    ("POST", FIND, finding(NAME) | {"pageLink": {"pageSize": 10, "page": 0, "textSearch": NUL}}, {}),
]
#: Neither stored nor looked for as text: by whom, what is asked, and how it is answered.
HARMLESS = [
    ("", "POST", "/api/v1/{token}/claim", ({"secretKey": NUL}, {}), 200),
    ("alice", "POST", "/api/customer/device/lamp/claim", ({"secretKey": NUL}, {}), 400),
    ("", "POST", "/api/v1/a%00b/telemetry", ({"a": 1}, {}), 401),
    ("", "POST", "/api/v1/{token}/telemetry", ({"a": {"b": NUL}}, {}), 200),
    ("", "GET", "/api/v1/{token}/attributes", (None, {"clientKeys": NUL}), 200),
    ("maker", "GET", f"{DEVICE}/values/timeseries", (None, {"keys": NUL}), 200),
    ("maker", "POST", f"{DEVICE}/attributes/SHARED_SCOPE", ({"a": {"b": NUL}}, {}), 200),
    ("maker", "POST", FIND, (finding(NAME), {}), 200),
]


@pytest.mark.parametrize(("method", "path", "body", "query"), REFUSED, ids=str)
async def test_nul_is_refused(
    deployment: Deployment, method: str, path: str, body: Any, query: dict[str, Any]
) -> None:
    """Issue 4: what the database can't keep is refused, 400, whichever database it is."""
    others = {"/api/v1/": "", "/api/auth/": "", "/api/customer/device/": "alice"}
    who = next((it for begin, it in others.items() if path.startswith(begin)), "maker")
    assert await status(deployment, who, method, path, body, query) == 400


@pytest.mark.parametrize(("who", "method", "path", "asked", "expected"), HARMLESS, ids=str)
async def test_nul_that_is_no_text_for_the_database_is_taken(
    deployment: Deployment, who: str, method: str, path: str, asked: tuple[Any, dict[str, Any]], expected: int
) -> None:
    assert await status(deployment, who, method, path, *asked) == expected


async def status(
    deployment: Deployment, who: str, method: str, path: str, body: Any, query: dict[str, Any]
) -> int:
    """Ask, with a device of the maker's; return the status of the answer."""
    device = await deployment.make_device("lamp")
    token = await deployment.device_token(device["id"]["id"])
    address = path.format(id=device["id"]["id"], token=token)
    more = {"json": body} if body else {}
    answer = await deployment.call(who, method, address, params=query or None, **more)
    return answer.status_code
