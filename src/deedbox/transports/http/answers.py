"""Answers to devices: what is sent back, and the one table from refusal to HTTP status.

Bodies of errors are those of the REST API: `status`, `message`, `errorCode`, `timestamp` and a stable `code`.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from deedbox.core import errors

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: Refusal -> HTTP status, error code of the reference server. A test fails when a refusal has no row.
TABLE: Mapping[type[errors.Refusal], tuple[int, int]] = {
    errors.NotSignedIn: (401, 10),
    errors.WrongPassword: (401, 10),
    errors.AccountNotActive: (401, 10),
    errors.TokenExpired: (401, 11),
    errors.NotFound: (401, 10),  # of the device side, only the device itself can be gone
    errors.NotPermitted: (403, 20),
    errors.InvalidValue: (400, 31),
    errors.InvalidValues: (400, 31),
    errors.NameTaken: (400, 31),
    errors.TooManyAttempts: (429, 33),
    errors.TooManyMessages: (429, 33),
    errors.VersionConflict: (409, 35),
    errors.LimitReached: (503, 33),
    errors.TooBusy: (503, 33),
    errors.PayloadTooLarge: (413, 31),
    errors.DeviceOffline: (504, 2),
    errors.StorageUnavailable: (503, 46),
}

_NOT_STORED = (b"cache-control", b"no-store")
_NOT_SNIFFED = (b"x-content-type-options", b"nosniff")
_JSON = (b"content-type", b"application/json")
_TRY_LATER = (b"retry-after", b"5")


class Answer(NamedTuple):
    """One response; bodies are JSON."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


DONE = Answer(200)
UNKNOWN_TOKEN = Answer(401)
NOTHING_CAME = Answer(408)


def json_answer(value: Any) -> Answer:
    """Return 200 with the value as JSON."""
    return Answer(200, msgspec.json.encode(value))


def error_answer(status: int, error_code: int, code: str, message: str, **more: Any) -> Answer:
    """Return an error with its body."""
    now_ms = time.time_ns() // 1_000_000
    known = {"status": status, "message": message, "errorCode": error_code, "timestamp": now_ms, "code": code}
    return Answer(status, msgspec.json.encode(known | more), (_TRY_LATER,) if status == 503 else ())


def refusal_answer(refusal: errors.Refusal) -> Answer:
    """Return what a refusal looks like to a device; 401 has no body, as the reference server answers."""
    status, error_code = TABLE[type(refusal)]
    if status == 401:
        return UNKNOWN_TOKEN
    more = {}
    if isinstance(refusal, errors.InvalidValue) and refusal.pointer:
        more = {"errors": [{"pointer": refusal.pointer, "message": refusal.message}]}
    answer = error_answer(status, error_code, refusal.code, refusal.message, **more)
    if isinstance(refusal, errors.TooManyMessages | errors.TooManyAttempts):
        wait_s = -(-refusal.retry_after_ms // 1000)
        return answer._replace(headers=((b"retry-after", str(wait_s).encode()),))
    return answer


async def send_answer(answer: Answer, send: Send) -> None:
    """Send the answer."""
    length = (b"content-length", str(len(answer.body)).encode())
    headers = [length, _NOT_STORED, _NOT_SNIFFED, *answer.headers]
    if answer.body:
        headers.append(_JSON)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
