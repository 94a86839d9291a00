"""A tenant with customers, users and devices on a real server, made through its REST API."""

import asyncio
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.acceptance.wire import Reply, Wire
from tests.server_process import RunningServer

PASSWORD = "a password for everybody"


class Person(NamedTuple):
    """A user with its sign-in token; `customer_id` is "" for the tenant's administrator."""

    email: str
    token: str
    user_id: str
    customer_id: str


class Gadget(NamedTuple):
    """A device with its access token."""

    name: str
    id: str
    token: str

    @property
    def claim_path(self) -> str:
        """Where it is claimed and reclaimed."""
        return f"/api/customer/device/{quote(self.name, safe='')}/claim"


class Crowd:
    """The maker and the people that buy from it. `port` is the server's."""

    def __init__(self, port: int, maker: Person, people: list[Person]) -> None:
        self.port = port
        self.maker = maker
        self.people = people

    async def gadgets(self, count: int, prefix: str = "LAMP") -> list[Gadget]:
        """Make devices that know their tokens."""
        numbers = [list(range(start, count, 8)) for start in range(8)]
        groups = await asyncio.gather(*(self._gadgets(group, prefix) for group in numbers))
        return sorted((gadget for group in groups for gadget in group), key=lambda it: it.name)

    async def announce(self, gadgets: list[Gadget], key: str, duration_ms: int = 600_000) -> None:
        """Let each device open a window with the key."""
        async with Wire(self.port) as wire:
            for gadget in gadgets:
                body = {"secretKey": key, "durationMs": duration_ms}
                accepted = await done(wire, "POST", f"/api/v1/{gadget.token}/claim", "", body)
                assert accepted["accepted"] is True

    async def _gadgets(self, numbers: list[int], prefix: str) -> list[Gadget]:
        made = []
        async with Wire(self.port) as wire:
            for number in numbers:
                name, token = f"{prefix}-{number:05}", f"token-of-{prefix}-{number:05}"
                path = f"/api/device?accessToken={token}"
                device = await done(wire, "POST", path, self.maker.token, {"name": name, "type": "lamp"})
                made.append(Gadget(name, device["id"]["id"], token))
        return made


async def new_crowd(server: RunningServer, people: int, customers: int | None = None) -> Crowd:
    """Make a tenant whose `people` are spread over `customers` (as many as people, when None)."""
    async with Wire(server.port) as wire:
        who = {"username": server.email, "password": server.password}
        root = (await done(wire, "POST", "/api/auth/login", "", who))["token"]
        tenant = await done(wire, "POST", "/api/tenant", root, {"title": "Gadget Works"})
        user = {"email": "maker@deedbox.test", "authority": "TENANT_ADMIN", "tenantId": tenant["id"]}
        maker = await _person(wire, root, user)
        titles = [f"Household {number}" for number in range(customers or people)]
        homes = [await done(wire, "POST", "/api/customer", maker.token, {"title": it}) for it in titles]
        invited = [
            await _person(wire, maker.token, _member(number, homes[number % len(homes)]))
            for number in range(people)
        ]
    return Crowd(server.port, maker, invited)


def _member(number: int, customer: dict[str, Any]) -> dict[str, Any]:
    email = f"person{number}@deedbox.test"
    return {"email": email, "authority": "CUSTOMER_USER", "customerId": customer["id"]}


async def _person(wire: Wire, host: str, user: dict[str, Any]) -> Person:
    saved = await done(wire, "POST", "/api/user?sendActivationMail=false", host, user)
    user_id = saved["id"]["id"]
    link = (await wire.ask("GET", f"/api/user/{user_id}/activationLink", host)).content.decode()
    token = link.partition("activateToken=")[2].strip('"')
    body = {"activateToken": token, "password": PASSWORD}
    pair = await done(wire, "POST", "/api/noauth/activate", "", body)
    return Person(user["email"], pair["token"], user_id, user.get("customerId", {}).get("id", ""))


async def done(wire: Wire, method: str, path: str, token: str = "", json_body: Any = None) -> Any:
    """Return the JSON of an answer that must be 200."""
    reply = await wire.ask(method, path, token, json_body)
    assert reply.status == 200, f"{method} {path}: {reply}"
    return reply.body


async def claim(wire: Wire, person: Person, gadget: Gadget, key: str) -> Reply:
    """Claim a device with a key."""
    return await wire.ask("POST", gadget.claim_path, person.token, {"secretKey": key})


def outcome(reply: Reply) -> str:
    """Return SUCCESS, CLAIMED, FAILURE or the status of any other answer."""
    if reply.status == 200:
        return str(reply.body["response"])
    return str(reply.body) if reply.status == 400 else str(reply.status)
