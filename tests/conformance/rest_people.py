"""People who use the REST API in tests: signed in over plain HTTP, invited like everybody else."""

from contextlib import closing
from typing import Any

import httpx

from tests.server_process import ServerAddress

PASSWORD = "a password for everybody"
LONGEST_ANSWER_S = 60


def sign_in(base_url: str, email: str, password: str) -> httpx.Client:
    """A client that speaks as this user; close it when done."""
    # Loopback only: a proxy in the environment has no business here.
    client = httpx.Client(base_url=base_url, timeout=LONGEST_ANSWER_S, trust_env=False)
    pair = _json(client.post("/api/auth/login", json={"username": email, "password": password}))
    client.headers["X-Authorization"] = f"Bearer {pair['token']}"
    return client


def invite(host: httpx.Client, user: dict[str, Any]) -> httpx.Client:
    """Create a user, activate it through its link and sign it in."""
    saved = post(host, "/api/user?sendActivationMail=false", user)
    link = host.get(f"/api/user/{saved['id']['id']}/activationLink").raise_for_status().text
    token = link.partition("activateToken=")[2]
    post(host, "/api/noauth/activate", {"activateToken": token, "password": PASSWORD})
    return sign_in(str(host.base_url), user["email"], PASSWORD)


def new_maker(server: ServerAddress) -> httpx.Client:
    """A tenant administrator of a new tenant."""
    with closing(sign_in(*server)) as administrator:
        tenant = post(administrator, "/api/tenant", {"title": "Gadget Works"})
        user = {"email": "maker@deedbox.test", "authority": "TENANT_ADMIN"}
        return invite(administrator, user | {"tenantId": tenant["id"]})


def new_owner(maker: httpx.Client) -> httpx.Client:
    """The user of a new customer."""
    customer = post(maker, "/api/customer", {"title": "Owners"})
    user = {"email": "owner@deedbox.test", "authority": "CUSTOMER_USER"}
    return invite(maker, user | {"customerId": customer["id"]})


def post(client: httpx.Client, path: str, body: object = None) -> Any:
    """The JSON that a POST answers. Raises httpx.HTTPStatusError for anything but success."""
    return _json(client.post(path, json=body))


def get(client: httpx.Client, path: str, **query: str | int) -> Any:
    """The JSON that a GET answers. Raises httpx.HTTPStatusError for anything but success."""
    return _json(client.get(path, params=query))


def _json(response: httpx.Response) -> Any:
    answer = response.raise_for_status()
    return answer.json() if answer.content else None
