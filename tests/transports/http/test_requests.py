"""Tokens, addresses and bodies as the network brings them."""

import asyncio
from typing import Any

import pytest

from deedbox.core import errors
from deedbox.transports.http.answers import TABLE
from tests.transports.device_site import TOKEN
from tests.transports.http.device_bench import DeviceBench

ROUTES = [
    ("POST", "claim"),
    ("POST", "telemetry"),
    ("POST", "attributes"),
    ("GET", "attributes"),
    ("GET", "attributes/updates"),
    ("GET", "rpc"),
    ("POST", "rpc"),
    ("POST", "rpc/1"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize("token", ["", "unknown", "a1_test_token", TOKEN + " ", "%", "é", "x" * 5_000])
async def test_an_unknown_token_is_401_without_a_body(
    bench: DeviceBench, method: str, route: str, token: str
) -> None:
    """See thingsboard §2.3"""
    answer = await bench.send(method, route, token)
    assert (answer.status_code, answer.content) == (401, b"")


async def test_a_revoked_token_stops_at_once(bench: DeviceBench) -> None:
    assert (await bench.post("telemetry", {"a": 1})).status_code == 200
    await bench.give_token(bench.device, "new")
    assert (await bench.post("telemetry", {"a": 2})).status_code == 401
    assert (await bench.post("telemetry", {"a": 3}, token="new")).status_code == 200


@pytest.mark.parametrize("token", ["a/b", "a.b c", "ü✓", "100%", "a+b", "a..b", "%2F"])
async def test_a_token_may_hold_anything(bench: DeviceBench, token: str) -> None:
    await bench.give_token(bench.device, token)
    assert (await bench.post("telemetry", {"a": 1}, token=token)).status_code == 200
    assert (await bench.latest()) == {"a": 1}


@pytest.mark.parametrize("route", ["", "unknown", "claim/more", "attributes/other", "Claim"])
async def test_an_unknown_address_is_404(bench: DeviceBench, route: str) -> None:
    answer = await bench.post(route)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "route", "allowed"),
    [("GET", "claim", "POST"), ("DELETE", "telemetry", "POST"), ("PUT", "attributes", "POST, GET")],
)
async def test_a_wrong_method_is_405(bench: DeviceBench, method: str, route: str, allowed: str) -> None:
    answer = await bench.send(method, route)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_answers_are_not_kept_or_guessed_at(bench: DeviceBench) -> None:
    answer = await bench.get("attributes")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("path", "limit"), [("telemetry", 2_000), ("claim", 2_000), ("rpc/1", 1_100)])
async def test_an_oversized_body_is_413(bench: DeviceBench, path: str, limit: int) -> None:
    """See thingsboard §1"""
    fits = b'{"a":"' + b"x" * (limit - 8) + b'"}'
    assert (await bench.post(path, fits)).status_code == 200
    declared = await bench.post(path, fits + b" ")
    assert (declared.status_code, declared.json()["code"]) == (413, "payload_too_large")
    answer = await exchanged(bench, path, chunked(fits + b" ", 100))
    assert answer.startswith(b"HTTP/1.1 413 ")


def chunked(body: bytes, size: int) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [b"%x\r\n%b\r\n" % (len(it), it) for it in pieces] + [b"0\r\n\r\n"]


async def exchanged(bench: DeviceBench, path: str, pieces: list[bytes], header: bytes = b"") -> bytes:
    """Send a request piece by piece over a bare socket; return all that came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    head = f"POST /api/v1/{TOKEN}/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
    writer.write(head + (header or b"Transfer-Encoding: chunked\r\n") + b"\r\n")
    for piece in pieces:
        await writer.drain()
        writer.write(piece)
        await asyncio.sleep(0.001)
    answer = await reader.read()
    writer.close()
    return answer


async def test_a_body_in_many_pieces_is_one_message(bench: DeviceBench) -> None:
    body = b'{"temperature":42}'
    answer = await exchanged(bench, "telemetry", chunked(body, 1))
    assert answer.startswith(b"HTTP/1.1 200 ")
    length = b"Content-Length: %d\r\n" % len(body)
    pieces = [body[at : at + 1] for at in range(len(body))]
    assert (await exchanged(bench, "telemetry", pieces, length)).startswith(b"HTTP/1.1 200 ")
    assert await bench.latest() == {"temperature": 42}


async def test_a_body_that_never_ends_is_given_up(bench: DeviceBench) -> None:
    answer = await exchanged(bench, "telemetry", [b'{"a"'], b"Content-Length: 100\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert await bench.latest() == {}


async def test_a_device_that_hangs_up_in_its_message_stores_nothing(bench: DeviceBench) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    writer.write(f"POST /api/v1/{TOKEN}/telemetry HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b'Content-Length: 100\r\n\r\n{"a":1}')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await bench.post("telemetry", {"b": 2})).status_code == 200
    assert await bench.latest() == {"b": 2}


def kinds_of_refusals(kind: type[errors.Refusal] = errors.Refusal) -> list[Any]:
    return [it for sub in kind.__subclasses__() for it in (sub, *kinds_of_refusals(sub))]


def test_every_refusal_has_an_answer() -> None:
    missing = [it.__name__ for it in kinds_of_refusals() if it not in TABLE]
    assert not missing, "add these refusals to the table of the device side"
