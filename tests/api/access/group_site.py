"""A deployment for tests of roles and groups: with a tenant's clerk, who is in no group."""

from typing import Any

from tests.api.deployment import Deployment


class GroupSite(Deployment):
    """Call it as root, maker, alice, bob or rival; or as clerk: of the maker's tenant, without any role."""

    async def look_around(self) -> None:
        """Make the clerk and learn who is there."""
        maker, alice, bob = [await self.who(it) for it in ("maker", "alice", "bob")]
        self.tenant, self.alices, self.bobs = maker["tenantId"], alice["customerId"], bob["customerId"]
        self.alice, self.maker = alice["id"]["id"], maker["id"]["id"]
        self.clerk = await self.person("clerk", self.tenant)
        await self.take_out(self.clerk, await self.default_group(self.tenant, "Tenant Administrators"))

    async def person(self, name: str, owner: dict[str, Any], by: str = "maker") -> str:
        """Make a user, who can be called by this name; return the id."""
        email, is_tenants = f"{name}@deedbox.test", owner["entityType"] == "TENANT"
        user = {"email": email, "authority": "TENANT_ADMIN" if is_tenants else "CUSTOMER_USER"}
        made = await self.make_user(by, user if is_tenants else user | {"customerId": owner})
        self.tokens[name] = (await self.sign_in(email))["token"]
        return str(made["id"]["id"])

    async def default_group(self, owner: dict[str, Any], name: str, kind: str = "USER") -> str:
        """The id of a group that an owner has from the start."""
        path = f"/api/entityGroup/{owner['entityType']}/{owner['id']}/{kind}/{name}"
        return str((await self.ok("maker", "GET", path))["id"]["id"])

    async def group(self, name: str, kind: str, *ids: str, owner: Any = None, by: str = "maker") -> str:
        """Make a group with these things in it; return its id."""
        body = {"name": name, "type": kind, "ownerId": owner or self.tenant}
        made = await self.ok(by, "POST", "/api/entityGroup", body)
        await self.put_in(list(ids), made["id"]["id"], by)
        return str(made["id"]["id"])

    async def put_in(self, ids: list[str] | str, group: str, by: str = "maker") -> None:
        """Put things into a group."""
        body = [ids] if isinstance(ids, str) else ids
        await self.ok(by, "POST", f"/api/entityGroup/{group}/addEntities", body)

    async def take_out(self, ids: str, group: str, by: str = "maker") -> None:
        """Take a thing out of a group."""
        await self.ok(by, "POST", f"/api/entityGroup/{group}/deleteEntities", [ids])

    async def role(self, name: str, permissions: Any) -> str:
        """Make a role, of the type that its permissions have; return its id."""
        kind = "GENERIC" if isinstance(permissions, dict) else "GROUP"
        body = {"name": name, "type": kind, "permissions": permissions}
        return str((await self.ok("maker", "POST", "/api/role", body))["id"]["id"])

    async def give(self, role: str, users: str, things: str | None = None, by: str = "maker") -> str:
        """Give a role to a group of users; return the group permission's id."""
        body = giving(role, users, things)
        return str((await self.ok(by, "POST", "/api/groupPermission", body))["id"]["id"])

    async def given(self, name: str, permissions: Any, *people: str, things: str | None = None) -> str:
        """Make a group of the tenant's people with a role of its own; return the group permission's id."""
        return await self.give(
            await self.role(name, permissions), await self.group(name, "USER", *people), things
        )

    async def device(self, name: str) -> str:
        """Make a device of the maker's; return its id."""
        return str((await self.make_device(name))["id"]["id"])

    async def announce(self, device_id: str) -> None:
        """Open the device's window for an empty key."""
        token = await self.device_token(device_id)
        assert (await self.call("", "POST", f"/api/v1/{token}/claim")).status_code == 200

    async def names(self, who: str, path: str, **query: Any) -> list[str]:
        """Names on a page, which must be as many as it says."""
        page = await self.ok(who, "GET", path, pageSize=100, page=0, **query)
        assert page["totalElements"] == len(page["data"])
        return sorted(it["name"] for it in page["data"])


def giving(role: str, users: str, things: str | None = None) -> dict[str, Any]:
    """A group permission as clients send it."""
    body: dict[str, Any] = {"userGroupId": reference(users), "roleId": reference(role, "ROLE")}
    return body if things is None else body | {"entityGroupId": reference(things)}


def reference(identifier: str, kind: str = "ENTITY_GROUP") -> dict[str, str]:
    """A reference on the wire."""
    return {"entityType": kind, "id": identifier}


async def group_site(deployment: Deployment) -> GroupSite:
    """Return the deployment with what these tests ask of it."""
    site = GroupSite(deployment.parts, deployment.application, deployment.client)
    await site.look_around()
    return site
