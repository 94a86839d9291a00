"""Customers over REST: who may, what is kept, what is refused, sub-customers, deleting one with devices."""

from uuid import UUID, uuid4

import pytest

from deedbox.core.customers import ensure_public_customer
from deedbox.core.records import Actor
from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment


@pytest.fixture
async def site(deployment: Deployment) -> Administration:
    return await administration(deployment)


def customer_id(it: UUID | str) -> dict[str, str]:
    return {"entityType": "CUSTOMER", "id": str(it)}


async def test_a_customer_is_made_read_and_changed(site: Administration) -> None:
    """Thingsboard §6.5."""
    body: dict[str, object] = {
        "title": "Family Miller",
        "city": "Graz",
        "additionalInfo": {"description": "nice"},
    }
    made = await site.ok("maker", "POST", "/api/customer", body)
    path = f"/api/customer/{made['id']['id']}"
    assert (made["name"], made["tenantId"]["id"]) == ("Family Miller", str(site.tenant_id))
    assert made["parentCustomerId"] is None
    assert await site.ok("maker", "GET", path) == made
    by_title = await site.ok("maker", "GET", "/api/tenant/customers", customerTitle="Family Miller")
    assert by_title == made
    short = await site.ok("maker", "GET", path + "/shortInfo")
    assert (short["title"], short["isPublic"]) == ("Family Miller", False)
    title = await site.call("maker", "GET", path + "/title")
    assert (title.text, title.headers["content-type"]) == ("Family Miller", "text/plain; charset=utf-8")
    body = {"id": made["id"], "title": "Family Smith", "version": 1}
    changed = await site.ok("maker", "POST", "/api/customer", body)
    assert (changed["title"], changed["city"], changed["version"]) == ("Family Smith", None, 2)
    assert (await site.refused(409, "maker", "POST", "/api/customer", body))["errorCode"] == 35


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "\t "),
        ("title", None),
        ("title", "x" * 256),
        ("title", "<img src=x onerror=alert(1)>"),
        ("title", "nul \u0000"),
        ("email", "<a>"),
        ("address2", "x" * 256),
        ("additionalInfo", "x" * 70_000),
    ],
)
async def test_a_value_that_cannot_be_taken_is_refused_by_name(
    site: Administration, field: str, value: object
) -> None:
    error = await site.refused(400, "maker", "POST", "/api/customer", {"title": "Fine"} | {field: value})
    assert error["errorCode"] == 31
    assert field in error["message"]


@pytest.mark.parametrize(
    "title", ["x" * 255, "a/b?c#d", "Ünïcode 日本 😀", "1 < 2", "%2F", "'; drop table--"]
)
async def test_titles_with_odd_characters_are_kept_and_found(site: Administration, title: str) -> None:
    made = await site.ok("maker", "POST", "/api/customer", {"title": title})
    assert await site.ok("maker", "GET", "/api/tenant/customers", customerTitle=title) == made


async def test_titles_are_unique_in_their_tenant_only(site: Administration) -> None:
    error = await site.refused(400, "maker", "POST", "/api/customer", {"title": "Alice's home"})
    assert error["message"] == "Customer with such title already exists!"
    body = {"id": customer_id(site.bobs), "title": "Alice's home"}
    await site.refused(400, "maker", "POST", "/api/customer", body)
    await site.ok("rival", "POST", "/api/customer", {"title": "Alice's home"})
    # Saving a customer as it is takes no title away from itself.
    await site.ok("maker", "POST", "/api/customer", {"id": customer_id(site.bobs), "title": "Bob's home"})


async def test_every_path_is_closed_to_other_tenants_and_customers(site: Administration) -> None:
    """Behaviour §5: a foreign tenant's customer is not found, another customer's is not permitted."""
    path = f"/api/customer/{site.alices}"
    for end in ("", "/shortInfo", "/title"):
        await site.refused(404, "rival", "GET", path + end)
        await site.refused(403, "bob", "GET", path + end)
        await site.refused(403, "root", "GET", path + end)
        await site.refused(401, "", "GET", path + end)
        assert (await site.call("alice", "GET", path + end)).status_code == 200
    await site.refused(404, "rival", "POST", "/api/customer", {"id": customer_id(site.alices), "title": "X"})
    await site.refused(404, "rival", "DELETE", path)
    await site.refused(404, "rival", "GET", "/api/tenant/customers", customerTitle="Alice's home")
    for who in ("alice", "root"):
        await site.refused(403, who, "POST", "/api/customer", {"title": "X"})
        await site.refused(403, who, "POST", "/api/customer", {"id": customer_id(site.alices), "title": "X"})
        await site.refused(403, who, "DELETE", path)
        await site.refused(403, who, "GET", "/api/tenant/customers", customerTitle="Alice's home")
        for listing in ("/api/customers", "/api/user/customers", "/api/customerInfos/all"):
            await site.refused(403, who, "GET", listing, pageSize=10, page=0)
        await site.refused(403, who, "GET", "/api/customers/list", customerIds=str(site.alices))
    assert await site.ok("rival", "GET", "/api/customers/list", customerIds=str(site.alices)) == []
    await site.refused(404, "maker", "GET", f"/api/customer/{uuid4()}")


async def test_customers_are_listed_in_pages_and_by_ids(site: Administration) -> None:
    for number in range(5):
        await site.ok("maker", "POST", "/api/customer", {"title": f"Customer {number}"})
    seen = []
    for number in range(4):
        page = await site.ok("maker", "GET", "/api/customers", pageSize=2, page=number)
        assert (page["totalElements"], page["hasNext"]) == (7, number < 3)
        seen += [it["title"] for it in page["data"]]
    assert seen == ["Alice's home", "Bob's home", *(f"Customer {number}" for number in range(5))]
    page = await site.ok("maker", "GET", "/api/user/customers", pageSize=9, page=0, textSearch="customer 3")
    assert [it["title"] for it in page["data"]] == ["Customer 3"]
    page = await site.ok(
        "maker", "GET", "/api/customerInfos/all", pageSize=1, page=0, sortProperty="title", sortOrder="DESC"
    )
    assert [it["title"] for it in page["data"]] == ["Customer 4"]
    ids = [str(site.bobs), str(site.rivals), str(site.alices)]
    for path, asked in (("/api/customers/list", ",".join(ids)), ("/api/customers", str(ids))):
        found = await site.ok("maker", "GET", path, customerIds=asked)
        assert [it["title"] for it in found] == ["Bob's home", "Alice's home"]
    await site.refused(400, "maker", "GET", "/api/customers", pageSize=10, page=0, sortProperty="secret")


async def test_a_customer_claims_for_what_stands_below_it(site: Administration) -> None:
    """Behaviour §4: `subCustomerId` claims for a sub-customer of the caller's, on whatever level."""
    below = await site.ok(
        "maker", "POST", "/api/customer", {"title": "Below", "parentCustomerId": customer_id(site.alices)}
    )
    assert below["parentCustomerId"]["id"] == str(site.alices)
    lowest = await site.ok(
        "maker", "POST", "/api/customer", {"title": "Lowest", "parentCustomerId": below["id"]}
    )
    await site.claimed_device("First")
    path = "/api/customer/device/Second/claim"
    await site.device("Second")
    body = {"claimingData": {"secretKey": "key", "expirationTime": 4_102_444_800_000}}
    second = await site.ok("maker", "GET", "/api/tenant/device", deviceName="Second")
    attributes = f"/api/plugins/telemetry/DEVICE/{second['id']['id']}/attributes/SERVER_SCOPE"
    await site.ok("maker", "POST", attributes, body)
    for stranger in (str(site.bobs), str(site.rivals), str(uuid4())):
        error = await site.refused(404, "alice", "POST", f"{path}?subCustomerId={stranger}", {})
        assert error["message"] == "Requested sub-customer wasn't found!"
    await site.refused(404, "bob", "POST", f"{path}?subCustomerId={lowest['id']['id']}", {"secretKey": "key"})
    won = await site.ok("alice", "POST", f"{path}?subCustomerId={lowest['id']['id']}", {"secretKey": "key"})
    assert won["device"]["customerId"] == lowest["id"]
    log = await site.ok("maker", "GET", f"/api/audit/logs/entity/DEVICE/{second['id']['id']}")
    assert log["data"][0]["actionData"]["assignedCustomerName"] == "Lowest"


async def test_a_parent_is_set_once_and_is_one_of_the_tenants(site: Administration) -> None:
    for stranger in (site.rivals, uuid4()):
        body = {"title": "Lost", "parentCustomerId": customer_id(stranger)}
        await site.refused(404, "maker", "POST", "/api/customer", body)
    body = {"id": customer_id(site.bobs), "title": "Bob's home", "parentCustomerId": customer_id(site.alices)}
    error = await site.refused(400, "maker", "POST", "/api/customer", body)
    assert "parentCustomerId" in error["message"]


async def test_a_deleted_customer_loses_people_and_devices(site: Administration) -> None:
    """Behaviour §5.6: deleting a customer closes what it must; its users' sessions end at once."""
    below = await site.ok(
        "maker", "POST", "/api/customer", {"title": "Below", "parentCustomerId": customer_id(site.alices)}
    )
    device_id = await site.claimed_device("Gadget")
    await site.ok("alice", "GET", f"/api/device/{device_id}")
    await site.ok("maker", "DELETE", f"/api/customer/{site.alices}")
    await site.refused(404, "maker", "GET", f"/api/customer/{site.alices}")
    await site.refused(401, "alice", "GET", f"/api/device/{device_id}")
    device = await site.ok("maker", "GET", f"/api/device/{device_id}")
    assert device["customerId"]["id"] == "13814000-1dd2-11b2-8080-808080808080"
    orphan = await site.ok("maker", "GET", f"/api/customer/{below['id']['id']}")
    assert orphan["parentCustomerId"] is None
    ledger = site.sql("select change, reason from ownership_ledger order by id")
    assert ledger == [("opened", "claim"), ("closed", "customer_deleted")]
    users = site.sql("select count(*) from user_account where customer_id = ?", site.alices)
    assert users == [(0,)]
    assert (await site.ok("maker", "GET", "/api/customers"))["totalElements"] == 2
    actions = [it["actionType"] for it in (await site.ok("maker", "GET", "/api/audit/logs"))["data"]]
    assert actions[:2] == ["DELETED", "UNASSIGNED_FROM_CUSTOMER"]
    await site.announce(device_id)
    await site.ok("bob", "POST", "/api/customer/device/Gadget/claim", {})


async def test_devices_of_a_deleted_customer_may_be_claimed_again(site: Administration) -> None:
    """Behaviour §5.2: claimingAllowed is written where devices may not be claimed by default."""
    await site.ok(
        "maker", "POST", f"/api/tenant/{site.tenant_id}/claiming", {"allowClaimingByDefault": False}
    )
    device_id = await site.device("Gadget")
    await site.ok("maker", "POST", f"/api/customer/{site.alices}/device/{device_id}", {})
    await site.ok("maker", "DELETE", f"/api/customer/{site.alices}")
    path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/attributes/SERVER_SCOPE"
    (attribute,) = await site.ok("maker", "GET", path, keys="claimingAllowed")
    assert attribute["value"] is True


async def test_the_public_customer_says_that_it_is_public(site: Administration) -> None:
    """A client's own `isPublic` means nothing; the public customer keeps its title."""
    body = {"title": "Posing", "additionalInfo": {"isPublic": True, "color": "red"}}
    posing = await site.ok("maker", "POST", "/api/customer", body)
    assert posing["additionalInfo"] == {"color": "red"}
    await site.ok("maker", "POST", "/api/customer", {"title": "Public"})
    actor = Actor(site.tenant_id, None, None, "maker")
    made = await site.parts.storage.write(lambda stores: ensure_public_customer(stores.customers, actor))
    again = await site.parts.storage.write(lambda stores: ensure_public_customer(stores.customers, actor))
    assert made == again
    public = await site.ok("maker", "GET", f"/api/customer/{made.id}")
    assert (public["title"], public["additionalInfo"]) == ("Public 2", {"isPublic": True})
    assert (await site.ok("maker", "GET", f"/api/customer/{made.id}/shortInfo"))["isPublic"] is True
    await site.refused(400, "maker", "POST", "/api/customer", {"id": public["id"], "title": "Other"})


async def test_a_new_title_reaches_those_who_are_signed_in(site: Administration) -> None:
    await site.claimed_device("First")
    await site.ok("maker", "POST", "/api/customer", {"id": customer_id(site.alices), "title": "Alice & Co"})
    device_id = await site.claimed_device("Second")
    log = await site.ok("maker", "GET", f"/api/audit/logs/entity/DEVICE/{device_id}")
    assert log["data"][0]["actionData"]["assignedCustomerName"] == "Alice & Co"


async def test_all_users_go_with_their_customer(site: Administration) -> None:
    user = {"authority": "CUSTOMER_USER", "customerId": customer_id(site.alices)}
    for number in range(3):
        email = f"alice{number}@deedbox.test"
        await site.make_user("maker", user | {"email": email})
        site.tokens[email] = (await site.sign_in(email))["token"]
    await site.ok("maker", "DELETE", f"/api/customer/{site.alices}")
    for number in range(3):
        await site.refused(401, f"alice{number}@deedbox.test", "GET", f"/api/customer/{site.alices}")
    assert (await site.ok("maker", "GET", "/api/customer/users", pageSize=9, page=0))["totalElements"] == 1
