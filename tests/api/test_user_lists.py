"""Lists of users: whom each may see, page by page; and what every list makes of its query."""

from typing import Any

import pytest

from tests.api.deployment import EMAILS, Deployment


def emails(page: dict[str, Any]) -> list[str]:
    return [user["email"] for user in page["data"]]


async def with_many(deployment: Deployment, count: int) -> None:
    for number in range(count):
        name = {"firstName": f"Person {number % 2}", "lastName": f"N{count - number:02}"}
        draft = {"email": f"p{number:02}@deedbox.test", "authority": "TENANT_ADMIN"}
        await deployment.invite("maker", draft | (name if number else {}))


async def walk(deployment: Deployment, path: str, **query: Any) -> list[str]:
    """All addresses of a list, read page after page."""
    found: list[str] = []
    for number in range(50):
        page = await deployment.ok("maker", "GET", path, page=number, **query)
        found += emails(page)
        if not page["hasNext"]:
            break
    return found


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("root", ["root"]),
        ("maker", ["maker", "alice", "bob"]),
        ("rival", ["rival"]),
        ("alice", ["alice"]),
    ],
)
async def test_everybody_sees_their_own(deployment: Deployment, who: str, seen: list[str]) -> None:
    for path in ("/api/users", "/api/user/users", "/api/userInfos/all", "/api/users/info"):
        page = await deployment.ok(who, "GET", path, pageSize=10, page=0)
        assert emails(page) == [EMAILS[name] for name in seen]
        assert (page["totalElements"], page["totalPages"], page["hasNext"]) == (len(seen), 1, False)


async def test_lists_of_a_tenant_and_of_a_customer(deployment: Deployment) -> None:
    maker, alice = await deployment.who("maker"), await deployment.who("alice")
    tenant, customer = maker["tenantId"]["id"], alice["customerId"]["id"]
    page = await deployment.ok("root", "GET", f"/api/tenant/{tenant}/users")
    assert (emails(page), page["totalElements"]) == ([EMAILS["maker"]], 1)
    page = await deployment.ok("maker", "GET", f"/api/customer/{customer}/users")
    assert (emails(page), page["totalElements"]) == ([EMAILS["alice"]], 1)
    page = await deployment.ok("maker", "GET", "/api/customer/users")
    assert (emails(page), page["totalElements"]) == ([EMAILS["alice"], EMAILS["bob"]], 2)
    await deployment.refused(404, "rival", "GET", f"/api/customer/{customer}/users")
    await deployment.refused(404, "rival", "GET", f"/api/tenant/{tenant}/users")
    await deployment.refused(403, "alice", "GET", f"/api/customer/{customer}/users")
    await deployment.refused(403, "alice", "GET", "/api/customer/users")
    await deployment.refused(403, "root", "GET", f"/api/customer/{customer}/users")


@pytest.mark.parametrize("path", ["/api/users", "/api/users/list"])
async def test_users_by_their_ids_are_those_that_one_may_see(deployment: Deployment, path: str) -> None:
    ids = [await deployment.user_id(name) for name in ("bob", "alice", "rival", "root")]
    for text in (",".join(ids), str(ids)):
        found = await deployment.ok("maker", "GET", path, userIds=text)
        assert [user["email"] for user in found] == [EMAILS["bob"], EMAILS["alice"]]
    await deployment.refused(400, "maker", "GET", path, userIds="1,2")


@pytest.mark.parametrize("sort", ["createdTime", "email", "firstName", "lastName", "authority"])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_walking_shows_everybody_once_in_order(deployment: Deployment, sort: str, order: str) -> None:
    await with_many(deployment, 8)
    query = {"sortProperty": sort, "sortOrder": order}
    whole = emails(await deployment.ok("maker", "GET", "/api/users", pageSize=100, **query))
    assert len(set(whole)) == len(whole) == 11
    for size in (1, 3, 11):
        assert await walk(deployment, "/api/users", pageSize=size, **query) == whole
    if sort == "email":
        assert whole == sorted(whole, reverse=order == "DESC")


async def test_a_jump_shows_the_same_page_as_a_walk(deployment: Deployment) -> None:
    await with_many(deployment, 6)
    jumped = await deployment.ok("maker", "GET", "/api/users", pageSize=2, page=2)
    walked = (await walk(deployment, "/api/users", pageSize=2))[4:6]
    assert emails(jumped) == walked
    assert (jumped["totalElements"], jumped["totalPages"], jumped["hasNext"]) == (9, 5, True)


async def test_a_page_behind_the_end_is_empty(deployment: Deployment) -> None:
    page = await deployment.ok("maker", "GET", "/api/users", pageSize=2, page=9)
    assert page == {"data": [], "totalPages": 2, "totalElements": 3, "hasNext": False}


@pytest.mark.parametrize(
    ("text", "found"),
    [("ALICE", ["alice"]), ("deedbox.test", ["maker", "alice", "bob"]), ("%", []), ("_", []), ("!", [])],
)
async def test_a_search_finds_a_part_in_any_case(deployment: Deployment, text: str, found: list[str]) -> None:
    page = await deployment.ok("maker", "GET", "/api/users", pageSize=10, page=0, textSearch=text)
    assert emails(page) == [EMAILS[name] for name in found]
    assert page["totalElements"] == len(found)


async def test_a_search_knows_more_letters_than_ascii(deployment: Deployment) -> None:
    alice = await deployment.who("alice")
    await deployment.ok("maker", "POST", "/api/user", {"id": alice["id"], "lastName": "Ärztin Ölçer"})
    for text in ("Ärztin", "ärztin", "ÖLÇER"):
        page = await deployment.ok("maker", "GET", "/api/users", pageSize=10, page=0, textSearch=text)
        assert emails(page) == [EMAILS["alice"]]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"page": "-1"}, "/page"),
        ({"pageSize": "0"}, "/pageSize"),
        ({"pageSize": "1001"}, "/pageSize"),
        ({"page": "1000000000"}, "/page"),
        ({"page": "99999999999999999999999"}, "/page"),
        ({"page": "one"}, "/page"),
        ({"sortOrder": "UP"}, "/sortOrder"),
        ({"sortProperty": "passwordHash"}, "/sortProperty"),
        ({"sortProperty": "email; drop table tenant"}, "/sortProperty"),
        ({"textSearch": "x" * 256}, "/textSearch"),
    ],
)
async def test_queries_that_can_not_be_are_refused_by_name(
    deployment: Deployment, query: dict[str, str], pointer: str
) -> None:
    body = await deployment.refused(400, "maker", "GET", "/api/users", **query)
    assert body["errors"][0]["pointer"] == pointer
