"""The outermost step: who sent it, which application answers, what may pass."""

from typing import Any

import httpx
import pytest

from deedbox.serving.front import (
    LARGEST_BODY_BYTES,
    FrontApplication,
    Receive,
    Scope,
    Send,
    front_application,
)

ALL = "http://deedbox.test"


class Inner:
    """An application that answers with its name and remembers what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        headers = [(b"x-inner", self.name.encode())]
        if self.name == "rest" and scope["path"].endswith("/cached"):
            headers.append((b"cache-control", b"max-age=60"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class Front:
    """A front with three applications behind it."""

    def __init__(self, *trusted: str) -> None:
        self.device, self.rest, self.web = Inner("device"), Inner("rest"), Inner("web")
        self.application: FrontApplication = front_application(self.device, self.rest, self.web, trusted)

    async def ask(
        self, path: str, method: str = "GET", peer: str = "192.0.2.9", **more: Any
    ) -> httpx.Response:
        application: Any = self.application
        transport = httpx.ASGITransport(app=application, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=ALL) as client:
            return await client.request(method, path, **more)


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/api/v1/TOKEN/claim", "device"), ("/api/v1/", "device"), ("/api/device", "rest"), ("/api", "rest"),
        ("/docs", "rest"), ("/docs/openapi.json", "rest"), ("/nothing", "rest"), ("/api%2Fv1/x", "rest"),
        ("/", "web"), ("/d", "web"), ("/d/devices/1", "web"), ("/t/acme/d", "web"), ("/dd", "rest"),
        ("/login", "web"), ("/login/createPassword", "web"), ("/favicon.ico", "web"), ("/static/x", "rest"),
    ],
)  # fmt: skip
async def test_each_path_has_its_application(path: str, inner: str) -> None:
    assert (await Front().ask(path)).headers["x-inner"] == inner


@pytest.mark.parametrize(
    "path",
    ["/api/customer/device/a%2Fb/claim", "/api/customer/device/100%25%20%C3%BC/claim", "/api/x%2e%2e/y"],
)
async def test_rest_sees_the_path_as_it_was_sent(path: str) -> None:
    """See thingsboard §6.1: a device's name may hold a slash."""
    front = Front()
    await front.ask(path)
    assert front.rest.scope["path"] == path


@pytest.mark.parametrize(
    "name", ["text/plain", "application/x-www-form-urlencoded", None, "application/json"]
)
async def test_bodies_of_the_api_count_as_json(name: str | None) -> None:
    front = Front()
    await front.ask("/api/device", "POST", content=b"{}", headers={"content-type": name} if name else {})
    types = [value for key, value in front.rest.scope["headers"] if key == b"content-type"]
    assert types == [b"application/json"]


async def test_forms_of_pages_stay_forms() -> None:
    front = Front()
    await front.ask("/d/claim", "POST", data={"key": "k"})
    assert (b"content-type", b"application/x-www-form-urlencoded") in front.web.scope["headers"]


async def test_safe_headers() -> None:
    front = Front()
    api, page = await front.ask("/api/device"), await front.ask("/d")
    assert api.headers["x-content-type-options"] == page.headers["x-content-type-options"] == "nosniff"
    assert api.headers["cache-control"] == "no-store"
    assert "cache-control" not in page.headers
    assert (await front.ask("/api/cached")).headers.get_list("cache-control") == ["max-age=60"]


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    """See thingsboard §1, §6.2."""
    front = Front()
    fits = {"content-length": str(LARGEST_BODY_BYTES)}
    assert (await front.ask("/api/device", "POST", headers=fits)).status_code == 200
    front.rest.scope = {}
    more = {"content-length": str(LARGEST_BODY_BYTES + 1)}
    refused = await front.ask("/api/device", "POST", headers=more)
    error = refused.json()
    assert (refused.status_code, error["status"], error["errorCode"]) == (413, 413, 31)
    assert (error["code"], front.rest.scope) == ("payload_too_large", {})


PROXIES = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.9", "203.0.113.5", "192.0.2.9"),
        ("10.1.2.3", "203.0.113.5", "203.0.113.5"),
        ("192.0.2.7", "203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", "198.51.100.1, 203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", "198.51.100.1, 203.0.113.5, 10.9.9.9", "203.0.113.5"),
        ("10.1.2.3", "10.4.4.4, 10.5.5.5", "10.4.4.4"),
        ("10.1.2.3", "203.0.113.5:50123", "203.0.113.5"),
        ("10.1.2.3", "2001:db9::17", "2001:db9::17"),
        ("10.1.2.3", "[2001:db9::17]:443", "2001:db9::17"),
        ("2001:db8::1", "203.0.113.5", "203.0.113.5"),
        ("::ffff:10.1.2.3", "203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", "203.0.113.5, <script>", "10.1.2.3"),
        ("10.1.2.3", "203.0.113.5, unknown, 10.9.9.9", "10.9.9.9"),
        ("10.1.2.3", "", "10.1.2.3"),
        ("10.1.2.3", " , ,", "10.1.2.3"),
    ],
)
async def test_only_trusted_proxies_say_where_a_request_came_from(
    peer: str, forwarded: str, client: str
) -> None:
    """See behaviour §6.1, §7 `http.trusted_proxies`."""
    front = Front(*PROXIES)
    for path, inner in (("/api/device", front.rest), ("/d", front.web), ("/api/v1/t/rpc", front.device)):
        await front.ask(path, peer=peer, headers={"x-forwarded-for": forwarded})
        assert inner.scope["client"][0] == client


@pytest.mark.parametrize(
    ("peer", "said", "scheme"),
    [("10.1.2.3", "https", "https"), ("192.0.2.9", "https", "http"), ("10.1.2.3", "x", "http")],
)
async def test_only_trusted_proxies_say_that_it_was_https(peer: str, said: str, scheme: str) -> None:
    front = Front(*PROXIES)
    await front.ask("/d", peer=peer, headers={"x-forwarded-proto": said})
    assert front.web.scope["scheme"] == scheme


async def test_without_proxies_nobody_is_believed() -> None:
    front = Front()
    await front.ask("/d", headers={"x-forwarded-for": "203.0.113.5"})
    assert front.web.scope["client"][0] == "192.0.2.9"
