"""A deployment for tests of relations: a house, a room and a lamp of Alice's, a cellar of Bob's."""

from typing import Any

from tests.api.administration import Administration, administration
from tests.api.deployment import Deployment

Json = dict[str, Any]


class RelationSite:
    """A house with a room with a lamp; Alice has house and room, and owns the lamp. Bob's is the cellar."""

    def __init__(self, people: Administration) -> None:
        self.people = people
        self.ok, self.refused, self.call = people.ok, people.refused, people.call

    async def fill(self) -> "RelationSite":
        """Make what there is."""
        self.house, self.room = await self.asset("House", "alice"), await self.asset("Room", "alice")
        self.cellar = await self.asset("Cellar", "bob")
        lamp = await self.people.claimed_device("lamp", "lamp")
        self.lamp = {"entityType": "DEVICE", "id": lamp}
        await self.relate(self.house, self.room)
        await self.relate(self.room, self.lamp)
        await self.relate(self.cellar, self.lamp, "Lights")
        return self

    async def asset(self, name: str, owner: str = "", kind: str = "place") -> Json:
        """Make an asset, which is assigned to that customer; return its reference."""
        made = await self.ok("maker", "POST", "/api/asset", {"name": name, "type": kind})
        if owner:
            customer = self.people.alices if owner == "alice" else self.people.bobs
            await self.ok("maker", "POST", f"/api/customer/{customer}/asset/{made['id']['id']}")
        reference: Json = made["id"]
        return reference

    async def relate(self, source: Json, goal: Json, kind: str = "Contains", **more: Any) -> Json:
        """Make a relation; return it."""
        body = {"from": source, "to": goal, "type": kind, **more}
        made: Json = await self.ok("maker", "POST", "/api/v2/relation", body)
        return made

    async def ends(self, who: str, where: str, **query: Any) -> list[tuple[str, str]]:
        """The ends of the relations of a list."""
        found = await self.ok(who, "GET", where, **query)
        return [(it["from"]["id"], it["to"]["id"]) for it in found]

    async def search(self, who: str, root: Json, levels: int | None, **more: Any) -> list[tuple[str, str]]:
        """The ends of the relations that a search finds."""
        body = {"parameters": parameters(root, levels, **more.pop("parameters", {})), **more}
        found = await self.ok(who, "POST", "/api/relations", body)
        return [(it["from"]["id"], it["to"]["id"]) for it in found]

    def rows(self) -> int:
        """How many relations are stored."""
        return int(self.people.sql("select count(*) from entity_relation")[0][0])


async def relation_site(deployment: Deployment) -> RelationSite:
    """Return the deployment with what these tests ask of it."""
    return await RelationSite(await administration(deployment)).fill()


def key(source: Json, goal: Json, kind: str = "Contains") -> Json:
    """The query that names a relation."""
    return {
        "fromId": source["id"],
        "fromType": source["entityType"],
        "toId": goal["id"],
        "toType": goal["entityType"],
        "relationType": kind,
    }


def parameters(root: Json, levels: int | None, **more: Any) -> Json:
    """Where a search begins and how far it goes."""
    known = {"rootId": root["id"], "rootType": root["entityType"], "direction": "FROM"}
    return known | ({} if levels is None else {"maxLevel": levels}) | more


def pair(source: Json, goal: Json) -> tuple[str, str]:
    """The ids of both ends."""
    return source["id"], goal["id"]
