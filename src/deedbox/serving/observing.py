"""Counts, times and names every HTTP request: by its route's template, never by its address."""

import random
import time
from typing import Any

import structlog
from prometheus_client import Counter, Histogram

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
        # To tell requests apart, not to be secret: asking the system for each costs more than the rest here.
        self._random_bits = random.Random().getrandbits  # noqa: S311 - as said above
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        metrics.readings.places("http_requests", lambda: self._under_way)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on and note how it went."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = f"{self._random_bits(64):016x}"
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
        counter, histogram = self._counted_by(method, route, status)
        counter.inc()
        histogram.observe(duration_s)
        if "refusal" in scope:
            is_device = route.startswith(_DEVICE_PREFIX)
            refusals = self._metrics.device_refusals if is_device else self._metrics.refusals
            refusals.labels(scope["refusal"]).inc()
        if self._access_log:
            duration_ms = round(duration_s * 1000, 3)
            _log.info("request", method=method, route=route, status=status, duration_ms=duration_ms)

    def _counted_by(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Return what counts such requests; looked up once, since finding them costs more than counting."""
        key = method, route, status
        if key not in self._counters:
            counter = self._metrics.requests.labels(method, route, status)
            self._counters[key] = counter, self._metrics.request_seconds.labels(route)
        return self._counters[key]


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
