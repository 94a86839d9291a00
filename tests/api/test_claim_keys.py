"""Server-side claim keys over REST (behaviour §3): set, seen, hidden, recorded, withdrawn; never leaked."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deedbox.core.claim_requests import Answer, ClaimRequest
from tests.api.values_site import NOW, ValuesSite

SECRET = "Tr0ub4dor&3-on-the-label"
LATER = NOW + 60_000
DATA = {"secretKey": SECRET, "expirationTime": str(LATER)}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[ValuesSite]:
    site = ValuesSite(tmp_path)
    await site.open()
    yield site
    await site.close()


async def keyed(site: ValuesSite, data: object = None, name: str = "Gadget") -> UUID:
    """Return a device whose key is set."""
    device_id = await site.device(name)
    body = {"claimingData": DATA if data is None else data}
    written = await site.call("maker", "POST", f"/DEVICE/{device_id}/SERVER_SCOPE", json=body)
    assert (written.status_code, written.content) == (200, b""), written.text
    return device_id


async def values(site: ValuesSite, who: str, device_id: UUID, query: str = "") -> dict[str, Any]:
    answer = await site.call(who, "GET", f"/DEVICE/{device_id}/values/attributes{query}")
    assert answer.status_code == 200, answer.text
    return {it["key"]: it["value"] for it in answer.json()}


async def claim(site: ValuesSite, key: str, who: str = "alice", name: str = "Gadget") -> Answer:
    person = site.known.people[who]
    assert person.customer_id
    return (await site.claim(ClaimRequest(person.actor(), person.customer_id, who, name, key))).answer


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        json.dumps(DATA),
        {"secretKey": SECRET, "expirationTime": LATER},
        {**DATA, "expirationTime": LATER + 0.0},
    ],
)
async def test_a_key_in_every_form_claims(site: ValuesSite, data: object) -> None:
    await keyed(site, data)
    assert await claim(site, "wrong") is Answer.FAILURE
    assert await claim(site, SECRET) is Answer.SUCCESS


@pytest.mark.parametrize("stated", ["", None, "absent"])
async def test_no_key_is_the_empty_key(site: ValuesSite, stated: str | None) -> None:
    data = {"secretKey": stated, "expirationTime": LATER}
    if stated == "absent":
        del data["secretKey"]
    await keyed(site, data)
    assert await claim(site, SECRET) is Answer.FAILURE
    assert await claim(site, "") is Answer.SUCCESS


async def test_equal_is_still_open_and_past_opens_nothing(site: ValuesSite) -> None:
    await keyed(site, {"secretKey": SECRET, "expirationTime": NOW}, "now")
    await keyed(site, {"secretKey": SECRET, "expirationTime": NOW - 1}, "past")
    assert await claim(site, SECRET, name="past") is Answer.FAILURE
    assert await claim(site, SECRET, name="now") is Answer.SUCCESS


async def test_the_newest_key_counts(site: ValuesSite) -> None:
    device_id = await keyed(site)
    body = {"claimingData": {"secretKey": "newer", "expirationTime": LATER}}
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json=body)
    assert await claim(site, SECRET) is Answer.FAILURE
    assert await claim(site, "newer") is Answer.SUCCESS


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"claimingData": {"secretKey": SECRET}}, "/claimingData/expirationTime"),
        (
            {"claimingData": {"secretKey": SECRET, "expirationTime": 1767225600}},
            "/claimingData/expirationTime",
        ),
        ({"claimingData": {"secretKey": SECRET, "expirationTime": LATER, "x": 1}}, "/claimingData"),
        ({"claimingData": SECRET}, "/claimingData"),
        ({"claimingData": [SECRET]}, "/claimingData"),
        ({"claimingData": None}, "/claimingData"),
        ({"claimingData": 5}, "/claimingData"),
        ({"claimingData": True}, "/claimingData"),
    ],
)
async def test_malformed_keys_change_nothing(site: ValuesSite, body: dict[str, Any], pointer: str) -> None:
    """Every row of thingsboard §4's table that is no key: 400 when it is written, without the secret."""
    device_id = await keyed(site, {"secretKey": "kept", "expirationTime": LATER})
    refused = await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"other": 1, **body})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, pointer)
    assert SECRET not in refused.text
    assert set(await values(site, "maker", device_id)) == {"claimingData"}
    assert await claim(site, "kept") is Answer.SUCCESS


async def test_the_flat_form_is_refused(site: ValuesSite) -> None:
    device_id = await site.device()
    refused = await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json=DATA)
    assert refused.status_code == 400
    assert '{"claimingData": ' in refused.json()["message"]
    assert SECRET not in refused.text
    assert await values(site, "maker", device_id) == {}


async def test_only_the_tenant_sets_keys(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.give(device_id, site.alices)
    for who, status in (("alice", 403), ("bob", 403), ("rival", 404), ("root", 403)):
        path = f"/{device_id}/SERVER_SCOPE"
        assert (await site.call(who, "POST", path, json={"claimingData": DATA})).status_code == status
        assert (await site.call(who, "DELETE", f"{path}?keys=claimingData")).status_code == status
    for who in ("alice", "maker"):
        shared = await site.call(who, "POST", f"/{device_id}/SHARED_SCOPE", json={"claimingData": DATA})
        assert shared.status_code == 400
        assert SECRET not in shared.text
    other = await site.call(
        "maker", "POST", f"/CUSTOMER/{site.alices}/SERVER_SCOPE", json={"claimingData": DATA}
    )
    assert other.status_code == 400


async def test_reading_it_by_name_is_recorded(site: ValuesSite) -> None:
    """It takes a permission of its own (behaviour §3.3)."""
    for data in (DATA, json.dumps(DATA)):
        device_id = await keyed(site, data, f"Gadget {len(data)}")
        assert await values(site, "maker", device_id, "?keys=claimingData") == {"claimingData": data}
    assert [(who, action) for who, action, _ in await site.audit()][1::2] == [
        ("maker@example.org", "ATTRIBUTES_READ"),
    ] * 2


@pytest.mark.parametrize("query", ["", "/SERVER_SCOPE"])
async def test_unnamed_it_is_hidden(site: ValuesSite, query: str) -> None:
    device_id = await keyed(site)
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"a": 1, "z": 2})
    assert await values(site, "maker", device_id, query) == {
        "a": 1,
        "claimingData": {"hidden": True, "expirationTime": LATER},
        "z": 2,
    }
    keys = await site.call("maker", "GET", f"/DEVICE/{device_id}/keys/attributes{query}")
    assert keys.json() == ["a", "claimingData", "z"]
    assert [action for _, action, _ in await site.audit()] == ["ATTRIBUTES_UPDATED"] * 2


async def test_what_hides_it_can_not_be_written_back(site: ValuesSite) -> None:
    device_id = await keyed(site)
    read = await values(site, "maker", device_id)
    assert (await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json=read)).status_code == 400
    assert await claim(site, SECRET) is Answer.SUCCESS


async def test_customers_do_not_learn_of_it(site: ValuesSite) -> None:
    device_id = await site.device()
    await site.give(device_id, site.alices)
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"claimingData": DATA, "a": 1})
    for query in ("", "/SERVER_SCOPE", "?keys=claimingData,a", "/SERVER_SCOPE?key=claimingData&key=a"):
        assert await values(site, "alice", device_id, query) == {"a": 1}
    keys = await site.call("alice", "GET", f"/DEVICE/{device_id}/keys/attributes")
    assert keys.json() == ["a"]


async def test_withdrawn_it_opens_nothing(site: ValuesSite) -> None:
    device_id = await keyed(site)
    gone = await site.call("maker", "DELETE", f"/DEVICE/{device_id}/SERVER_SCOPE?keys=claimingData")
    assert gone.status_code == 200
    assert await values(site, "maker", device_id) == {}
    assert await claim(site, SECRET) is Answer.FAILURE


async def test_the_claim_uses_it_up(site: ValuesSite) -> None:
    """The claim deletes `claimingData` and `claimingAllowed` (behaviour §4.5)."""
    device_id = await keyed(site)
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"claimingAllowed": True})
    assert await claim(site, SECRET) is Answer.SUCCESS
    assert await values(site, "maker", device_id, "/SERVER_SCOPE") == {}
    await site.take_back(device_id)
    assert await claim(site, SECRET, "bob") is Answer.FAILURE


async def test_a_key_set_for_an_owned_device_waits(site: ValuesSite) -> None:
    """Keys that the tenant set since the claim stay when the deed ends (behaviour §5.2)."""
    device_id = await site.device()
    await site.give(device_id, site.alices)
    await site.call("maker", "POST", f"/{device_id}/SERVER_SCOPE", json={"claimingData": DATA})
    assert await claim(site, SECRET, "bob") is Answer.CLAIMED
    await site.take_back(device_id)
    assert await claim(site, SECRET, "bob") is Answer.SUCCESS


async def test_the_secret_is_nowhere_in_the_clear(site: ValuesSite) -> None:
    """Neither in the files, nor in the audit log (attacks A23)."""
    device_id = await keyed(site)
    await values(site, "maker", device_id, "?keys=claimingData")
    for file in site.path.parent.glob("deedbox.sqlite*"):
        assert SECRET.encode() not in file.read_bytes()
    assert SECRET not in str(await site.audit())


@pytest.mark.parametrize(("value", "counts"), [(True, True), ("true", False), (1, False), ("1", False)])
async def test_claiming_allowed_counts_as_a_boolean_only(
    site: ValuesSite, value: object, counts: bool
) -> None:
    """The string "true" does not allow claiming (thingsboard §4); an owner may not write it."""
    device_id = await site.device()
    path = f"/{device_id}/SERVER_SCOPE"
    await site.call("maker", "POST", path, json={"claimingAllowed": value})
    state = (await site.storage.read(lambda it: it.claims.lock_devices([device_id])))[device_id]
    assert state.claiming_allowed is counts
    await site.give(device_id, site.alices)
    refused = await site.call("alice", "POST", path, json={"claimingAllowed": True})
    assert refused.status_code == 403
