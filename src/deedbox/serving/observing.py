"""Counts, times and names every HTTP request: by its route's template, never by its address."""

import secrets
import time
from typing import Any

import structlog

from deedbox.serving.health import Application, Receive, Scope, Send
from deedbox.serving.metrics import Metrics

_DEVICE_PREFIX = "/api/v1/"
_PROVISION = _DEVICE_PREFIX + "provision"
_DEVICE_ROUTES = {
    "claim": "claim",
    "telemetry": "telemetry",
    "attributes": "attributes",
    "attributes/updates": "attributes/updates",
    "rpc": "rpc",
}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_log = structlog.get_logger("deedbox.access")


class ObservedApplication:
    """Wraps an application: metrics, a request id in the answer and in every log line, an access log."""

    def __init__(self, inner: Application, metrics: Metrics, access_log: bool) -> None:
        self._inner = inner
        self._metrics = metrics
        self._access_log = access_log
        self._under_way = 0
        metrics.readings.places("http_requests", lambda: self._under_way)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on and note how it went."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = secrets.token_hex(8)
        status = 500

        async def note(message: dict[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        scope["request_id"] = request_id
        self._under_way += 1
        try:
            await self._inner(scope, receive, note)
        finally:
            self._under_way -= 1
            self._note(scope, status, time.perf_counter() - began)
            structlog.contextvars.unbind_contextvars("request_id")

    def _note(self, scope: Scope, status: int, duration_s: float) -> None:
        route, method = route_of(scope), method_of(scope)
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.request_seconds.labels(route).observe(duration_s)
        if "refusal" in scope:
            is_device = route.startswith(_DEVICE_PREFIX)
            refusals = self._metrics.device_refusals if is_device else self._metrics.refusals
            refusals.labels(scope["refusal"]).inc()
        if self._access_log:
            duration_ms = round(duration_s * 1000, 3)
            _log.info("request", method=method, route=route, status=status, duration_ms=duration_ms)


def method_of(scope: Scope) -> str:
    """Return the method, or `other` for one that a caller made up."""
    return scope["method"] if scope["method"] in _METHODS else "other"


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered; the address itself may hold a token."""
    path = scope["path"]
    if path == _PROVISION:
        return _PROVISION
    if path.startswith(_DEVICE_PREFIX):
        _, _, rest = path.removeprefix(_DEVICE_PREFIX).partition("/")
        known = _DEVICE_ROUTES.get(rest) or ("rpc/{id}" if rest.startswith("rpc/") else "other")
        return f"{_DEVICE_PREFIX}{{token}}/{known}"
    return str(scope.get("path_template") or "other")
