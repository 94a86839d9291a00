"""`/livez`, `/readyz` and `/metrics`: a small ASGI application in front of all others."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Makes a page of metrics.
Page = Callable[[], Awaitable[bytes]]
#: Returns None when all is well, else what is wrong. It may take a moment.
Check = Callable[[], Awaitable[str | None]]

_CHECKED_FOR_S = 1.0
_TEXT = b"text/plain; charset=utf-8"
_JSON = b"application/json"


class Readiness:
    """Whether this process can serve: its checks by name, asked at most once per second."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._asked_at = float("-inf")
        self._answer: dict[str, str] = {}

    async def problems(self) -> dict[str, str]:
        """Return what is wrong, by check; empty when ready."""
        if time.monotonic() - self._asked_at > _CHECKED_FOR_S:
            # Set first: a crowd of probes shares one look.
            self._asked_at = time.monotonic()
            found = {name: await check() for name, check in self._checks.items()}
            self._answer = {name: problem for name, problem in found.items() if problem}
        return self._answer


class HealthApplication:
    """Answers health and metrics, and hands everything else on."""

    def __init__(self, inner: Application, readiness: Readiness, metrics: Page) -> None:
        self._inner = inner
        self._readiness = readiness
        self._metrics = metrics
        self._pages = {"/livez": self._live, "/readyz": self._ready, "/metrics": self._measure}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        page = self._pages.get(scope["path"]) if scope["type"] == "http" else None
        if page is None:
            await self._inner(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            await _answer(scope, send, 405, b"Use GET.\n", _TEXT)
        else:
            await page(scope, send)

    async def _live(self, scope: Scope, send: Send) -> None:
        await _answer(scope, send, 200, b"alive\n", _TEXT)

    async def _ready(self, scope: Scope, send: Send) -> None:
        problems = await self._readiness.problems()
        body = msgspec.json.encode({"ready": not problems, "problems": problems})
        await _answer(scope, send, 503 if problems else 200, body, _JSON)

    async def _measure(self, scope: Scope, send: Send) -> None:
        await _answer(scope, send, 200, await self._metrics(), b"text/plain; version=0.0.4; charset=utf-8")


async def _answer(scope: Scope, send: Send, status: int, body: bytes, media_type: bytes) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
