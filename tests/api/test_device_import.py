"""Bulk import over REST: what files may look like, what each column does, and lines that can't be taken."""

import json
from typing import Any

import pytest

from tests.api.deployment import Deployment
from tests.api.device_site import DeviceSite

KEY = '{"secretKey":"k","expirationTime":4102444800000}'


@pytest.fixture
async def site(deployment: Deployment) -> DeviceSite:
    return await DeviceSite(deployment).fill()


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def body(file: str, *columns: str, **mapping: Any) -> dict[str, Any]:
    """Return a request; a column is its type, or type and key with a colon between."""
    parts = [column.partition(":") for column in columns]
    wanted = [{"type": it[0], "key": it[2] or None} for it in parts]
    return {"file": file, "mapping": {"columns": wanted, "delimiter": ",", "header": True} | mapping}


async def load(site: DeviceSite, file: str, *columns: str, **mapping: Any) -> Any:
    return await site.ok("maker", "POST", "/api/device/bulk_import", body(file, *columns, **mapping))


def counts(result: Any) -> tuple[int, int, int]:
    return result["created"], result["updated"], result["errors"]


async def named(site: DeviceSite, name: str) -> Any:
    return await site.ok("maker", "GET", "/api/tenant/device", deviceName=name)


async def attributes(site: DeviceSite, name: str, scope: str) -> dict[str, Any]:
    device_id = (await named(site, name))["id"]["id"]
    path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/attributes/{scope}"
    return {it["key"]: it["value"] for it in await site.ok("maker", "GET", path)}


async def test_every_column_does_what_it_says(site: DeviceSite) -> None:
    """Thingsboard §6.8."""
    file = (
        "name,type,label,description,gateway,shared,server,series,token\n"
        f'D1,lamp,Hall,"says ""hi"", twice",true,21.5,{quoted("[1, 2]")},7,token-1\n'
    )
    columns = [
        "NAME", "TYPE", "LABEL", "DESCRIPTION", "IS_GATEWAY", "SHARED_ATTRIBUTE:target",
        "SERVER_ATTRIBUTE:list", "TIMESERIES:count", "ACCESS_TOKEN",
    ]  # fmt: skip
    result = await load(site, file, *columns)
    assert result == {"created": 1, "updated": 0, "errors": 0, "errorsList": []}
    device = await named(site, "D1")
    assert (device["type"], device["label"]) == ("lamp", "Hall")
    assert device["additionalInfo"] == {"description": 'says "hi", twice', "gateway": True}
    assert await attributes(site, "D1", "SHARED_SCOPE") == {"target": 21.5}
    assert await attributes(site, "D1", "SERVER_SCOPE") == {"list": [1, 2]}
    path = f"/api/plugins/telemetry/DEVICE/{device['id']['id']}/values/timeseries"
    latest = await site.ok("maker", "GET", path, keys="count")
    assert latest["count"][0]["value"] == "7"
    assert str(await site.device_with_token("token-1")) == device["id"]["id"]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *[("1", 1), ("-2.5", -2.5), ("true", True), ("FALSE", False), ('{"a": 1}', {"a": 1}), ("[]", [])],
        *[("text", "text"), ("{broken", "{broken"), ("{broken}", "{broken}"), ("1e5x", "1e5x"), ("ü☂", "ü☂")],
    ],
)
async def test_cells_become_values(site: DeviceSite, cell: str, value: object) -> None:
    """Thingsboard §6.8: integer, decimal, boolean, JSON, else text."""
    await load(site, f"n,a\nD1,{quoted(cell)}\n", "NAME", "SERVER_ATTRIBUTE:a")
    found = (await attributes(site, "D1", "SERVER_SCOPE"))["a"]
    assert (type(found), found) == (type(value), value)


async def test_claim_keys_come_with_the_file(site: DeviceSite) -> None:
    """Behaviour §3: as through the attributes API; the key claims."""
    file = f"n,k\nD1,{quoted(KEY)}\nD2,\n"
    assert counts(await load(site, file, "NAME", "SERVER_ATTRIBUTE:claimingData")) == (2, 0, 0)
    claim = {"secretKey": "k"}
    assert (await site.call("alice", "POST", "/api/customer/device/D2/claim", claim)).json() == "FAILURE"
    won = await site.ok("alice", "POST", "/api/customer/device/D1/claim", claim)
    assert won["response"] == "SUCCESS"


@pytest.mark.parametrize(
    "cell",
    ["secret", "1", '{"secretKey":"secret"}', '{"secretKey":"secret","expirationTime":1640995200}', "[]"],
)
async def test_a_bad_claim_key_costs_its_line(site: DeviceSite, cell: str) -> None:
    """Behaviour §3.1: the error names the field and never repeats the secret."""
    file = f"n,k\nD1,{quoted(cell)}\nD2,{quoted(KEY)}\n"
    result = await load(site, file, "NAME", "SERVER_ATTRIBUTE:claimingData")
    assert counts(result) == (1, 0, 1)
    assert result["errorsList"][0].startswith("Line 2: claimingData")
    assert 'secret"' not in result["errorsList"][0].replace('"secretKey"', "")


async def test_the_flat_form_of_a_claim_key_is_refused(site: DeviceSite) -> None:
    """Behaviour §3.2: with the right form shown."""
    columns = ("NAME", "SERVER_ATTRIBUTE:secretKey", "SERVER_ATTRIBUTE:expirationTime")
    result = await load(site, "n,s,e\nD1,abc,4102444800000\n", *columns)
    assert counts(result) == (0, 0, 1)
    assert '{"claimingData"' in result["errorsList"][0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
async def test_dialects_are_found_out(site: DeviceSite, delimiter: str, end: str) -> None:
    """Thingsboard §6.8: no delimiter given, any end of line, a byte order mark, blank lines."""
    lines = ["name,type", '"D,;1",lamp', "", "D2,lamp"]
    file = "\ufeff" + end.join(it.replace("e,t", f"e{delimiter}t").replace('",', f'"{delimiter}')
                               .replace("2,", f"2{delimiter}") for it in lines)  # fmt: skip
    result = await load(site, file, "NAME", "TYPE", delimiter=None)
    assert counts(result) == (2, 0, 0), result
    assert (await named(site, "D,;1"))["type"] == "lamp"


async def test_cells_may_span_lines_and_hold_odd_separators(site: DeviceSite) -> None:
    """Only line feeds outside of quotes end a line."""
    file = 'n,a\nD1,"one\ntwo\u2028three"\nD2,\u2028x\x0by\n'
    assert counts(await load(site, file, "NAME", "SERVER_ATTRIBUTE:a")) == (2, 0, 0)
    assert await attributes(site, "D1", "SERVER_SCOPE") == {"a": "one\ntwo\u2028three"}


async def test_one_bad_line_never_loses_the_others(site: DeviceSite) -> None:
    """Thingsboard §6.8: errors by line, titles being line 1."""
    await site.ok("rival", "POST", "/api/device", {"name": "R"}, accessToken="rivals")
    long = "x" * 256
    lines = [
        "name,type,label,gateway,token,lwm2m",
        "D2,lamp,,,,",
        ",lamp,,,,",
        f"{long},,,,,",
        "<b>x</b>,,,,,",
        "D6,lamp,,,rivals,",
        "D7,lamp,,maybe,,",
        "D8,lamp,,,,endpoint",
        "D9,lamp,,,,,one too many",
        'D10,"x"y,,,,',
        "D11",
        "D12,lamp,,,same,",
        "D13,lamp,,,same,",
        "D2,lamp,again,,,",
    ]
    columns = ["NAME", "TYPE", "LABEL", "IS_GATEWAY", "ACCESS_TOKEN", "LWM2M_CLIENT_ENDPOINT"]
    result = await load(site, "\n".join(lines), *columns)
    assert counts(result) == (3, 1, 9), result
    numbers = [int(text.split(":")[0].removeprefix("Line ")) for text in result["errorsList"]]
    assert numbers == [3, 4, 5, 6, 7, 8, 9, 10, 13]
    assert "LWM2M_CLIENT_ENDPOINT" in result["errorsList"][5]
    assert "expected 6 cells, found 7" in result["errorsList"][6]
    assert "rivals" not in json.dumps(result)
    assert (await named(site, "D2"))["label"] == "again"


@pytest.mark.parametrize(
    "wrong",
    [
        body("n\nD1", "TYPE"),
        body("n\nD1", "NAME", "NAME"),
        body("n,x\nD1,1", "NAME", "NONSENSE"),
        body("n,x\nD1,1", "NAME", "SERVER_ATTRIBUTE"),
        body("n,x\nD1,1", "NAME", "SHARED_ATTRIBUTE:claimingData"),
        body("n,x\nD1,1", "NAME", "TYPE", delimiter=";;"),
        body("n,x\nD1,1", "NAME", "TYPE", delimiter='"'),
        {"mapping": {"columns": []}},
        {"file": "x"},
    ],
)
async def test_an_unreadable_mapping_is_refused(site: DeviceSite, wrong: dict[str, Any]) -> None:
    """Behaviour §7: 400 before anything is stored."""
    assert (await site.refused(400, "maker", "POST", "/api/device/bulk_import", wrong))["errorCode"] == 31
    assert site.rows("select count(*) from device") == [(0,)]


async def test_the_same_file_again_changes_nothing(site: DeviceSite) -> None:
    """Thingsboard §6.8: lines of devices that are there count as updated; nothing is written for them."""
    file = f"n,t,l,s,k,token,x\nD1,lamp,Hall,1,{quoted(KEY)},token-1,5\nD2,lamp,,2,,,\n"
    columns = ["NAME", "TYPE", "LABEL", "SERVER_ATTRIBUTE:s", "SERVER_ATTRIBUTE:claimingData"]
    columns += ["ACCESS_TOKEN", "TIMESERIES:x"]
    assert counts(await load(site, file, *columns)) == (2, 0, 0)
    tables = [
        *("device", "device_state", "device_credentials", "claim_window", "attribute", "time_series"),
        *("audit_entry", "tally", "deed", "outbox_event"),
    ]

    def everything() -> list[Any]:
        return [site.rows(f"select * from {table}") for table in tables]

    before = everything()
    assert counts(await load(site, file, *columns)) == (0, 2, 0)
    assert everything() == before
    await site.ok("alice", "POST", "/api/customer/device/D1/claim", {"secretKey": "k"})
    before = everything()
    assert counts(await load(site, file, *columns)) == (0, 2, 0)
    assert everything() == before, "the key that the claim burnt stays burnt"


async def test_what_differs_is_updated(site: DeviceSite) -> None:
    """Thingsboard §6.8: without `update`, attributes of devices that are there stay."""
    columns = ["NAME", "LABEL", "SERVER_ATTRIBUTE:a", "ACCESS_TOKEN"]
    await load(site, "n,l,a,t\nD1,one,1,first\n", *columns)
    before = await named(site, "D1")
    assert counts(await load(site, "n,l,a,t\nD1,two,2,second\n", *columns, update=False)) == (0, 1, 0)
    after = await named(site, "D1")
    assert (after["label"], after["version"]) == ("two", before["version"] + 1)
    assert await attributes(site, "D1", "SERVER_SCOPE") == {"a": 1}
    assert await site.device_with_token("first") is None
    assert str(await site.device_with_token("second")) == after["id"]["id"]
    await load(site, "n,l,a,t\nD1,,2,\n", *columns)
    assert await attributes(site, "D1", "SERVER_SCOPE") == {"a": 2}
    assert (await named(site, "D1"))["label"] == "two"
    assert await site.device_with_token("second") is not None


async def test_many_lines_go_in_several_transactions(site: DeviceSite) -> None:
    """Performance 2d: chunks; the total is right afterwards; a name that comes twice is one device."""
    lines = [f"D{number % 2400},lamp" for number in range(2500)]
    result = await load(site, "\n".join(lines), "NAME", "TYPE", header=False)
    assert counts(result) == (2400, 100, 0)
    page = await site.ok("maker", "GET", "/api/tenant/devices", pageSize=1)
    assert page["totalElements"] == 2400


async def test_only_tenant_administrators_import(site: DeviceSite) -> None:
    """Behaviour §5."""
    for who in ("alice", "root"):
        await site.refused(403, who, "POST", "/api/device/bulk_import", body("n\nD1\n", "NAME"))


async def test_mqtt_and_certificate_columns(site: DeviceSite) -> None:
    """Thingsboard §6.8: MQTT columns together are MQTT_BASIC; two kinds at once are refused."""
    columns = ["NAME", "MQTT_CLIENT_ID", "MQTT_USER_NAME", "MQTT_PASSWORD", "X509", "ACCESS_TOKEN"]
    file = "n,c,u,p,x,t\nD1,c,u,p,,\nD2,,,,not-a-certificate,\nD3,,u2,,,token\nD4,,u4,,,\n"
    result = await load(site, file, *columns)
    assert counts(result) == (2, 0, 2)
    device_id = (await named(site, "D1"))["id"]["id"]
    found = await site.ok("maker", "GET", f"/api/device/{device_id}/credentials")
    assert found["credentialsType"] == "MQTT_BASIC"
    assert json.loads(found["credentialsValue"]) == {"clientId": "c", "userName": "u", "password": "p"}
