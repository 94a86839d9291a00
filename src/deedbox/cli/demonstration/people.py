"""The people and the stock of the demonstration, made through the REST API as an integrator would."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from deedbox.cli.demonstration.server import ADMINISTRATOR, DemoFailed, DemoServer

CUSTOMER_EMAIL = "green@example.com"
NEIGHBOUR_EMAIL = "brown@example.com"
MAKER_EMAIL = "maker@example.com"


class Rest:
    """Somebody who is signed in. Methods return the decoded JSON body."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=30)

    def sign_in(self, email: str, password: str) -> "Rest":
        """Sign in; all that follows is done in this name."""
        answer = self.post("/api/auth/login", {"username": email, "password": password})
        self._client.headers["X-Authorization"] = f"Bearer {answer['token']}"
        return self

    def get(self, path: str) -> Any:
        """Read. Raises DemoFailed with the server's words for any refusal."""
        return _body(self._client.get(path))

    def post(self, path: str, body: Any = None) -> Any:
        """Make or change. Raises DemoFailed with the server's words for any refusal."""
        return _body(self._client.post(path, json=body))

    def delete(self, path: str) -> None:
        """Delete. Raises DemoFailed with the server's words for any refusal."""
        _body(self._client.delete(path))

    def status_of(self, method: str, path: str, body: Any = None) -> int:
        """Return only the status code: for what shall be refused."""
        return self._client.request(method, path, json=body).status_code

    def refusal(self, path: str, body: Any) -> Any:
        """Return the body of a POST that shall be refused."""
        return self._client.post(path, json=body).json()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _body(response: httpx.Response) -> Any:
    if response.is_error:
        place = f"{response.request.method} {response.request.url.path}"
        raise DemoFailed(f"{place} was answered {response.status_code}: {response.text}")
    try:
        return response.json()
    except ValueError:
        return response.text


@dataclass
class Cast:
    """Who plays: the maker, a customer and a neighbour, with their passwords."""

    maker: Rest
    customer: Rest
    neighbour: Rest
    passwords: dict[str, str]

    def close(self) -> None:
        """Close all connections."""
        for person in (self.maker, self.customer, self.neighbour):
            person.close()


def make_cast(server: DemoServer) -> Cast:
    """Make a tenant with an administrator, and two customers with a user each."""
    admin = Rest(server.base_url).sign_in(ADMINISTRATOR, server.password)
    tenant = admin.post("/api/tenant", {"title": "Northlight Lamps"})
    passwords = {email: secrets.token_urlsafe(9) for email in (MAKER_EMAIL, CUSTOMER_EMAIL, NEIGHBOUR_EMAIL)}
    maker_user = {"email": MAKER_EMAIL, "authority": "TENANT_ADMIN", "tenantId": tenant["id"]}
    maker = _activated(admin, server, maker_user, passwords)
    people = []
    for title, email in (("Household Green", CUSTOMER_EMAIL), ("Household Brown", NEIGHBOUR_EMAIL)):
        customer = maker.post("/api/customer", {"title": title})
        user = {"email": email, "authority": "CUSTOMER_USER", "customerId": customer["id"]}
        people.append(_activated(maker, server, user, passwords))
    admin.close()
    return Cast(maker, people[0], people[1], passwords)


def _activated(inviter: Rest, server: DemoServer, user: dict[str, Any], passwords: dict[str, str]) -> Rest:
    made = inviter.post("/api/user?sendActivationMail=false", user)
    link = inviter.get(f"/api/user/{made['id']['id']}/activationLink")
    token = str(link).partition("activateToken=")[2]
    password = passwords[user["email"]]
    person = Rest(server.base_url)
    person.post(
        "/api/noauth/activate?sendActivationMail=false", {"activateToken": token, "password": password}
    )
    return person.sign_in(user["email"], password)


@dataclass
class Stock:
    """A device that the maker made: its id, name, and access token."""

    id: str
    name: str
    token: str


def make_device(maker: Rest, name: str, label: str) -> Stock:
    """Make a device and read its access token, as a factory line does."""
    device = maker.post("/api/device", {"name": name, "type": "lamp", "label": label})
    credentials = maker.get(f"/api/device/{device['id']['id']}/credentials")
    return Stock(device["id"]["id"], name, credentials["credentialsId"])
