"""Spans HTTP requests: named by the route's template, never by the address."""

from typing import TYPE_CHECKING

from deedbox.serving.health import Application, Receive, Scope, Send
from deedbox.serving.observing import method_of, route_of

if TYPE_CHECKING:  # OpenTelemetry may not be installed
    from deedbox.serving.traces import Traces


class TracedApplication:
    """Wraps an application. What comes in as `traceparent` is the span's parent."""

    def __init__(self, inner: Application, traces: "Traces") -> None:
        self._inner = inner
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        status = 500

        async def note(message: dict[str, object]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(str(message["status"]))
            await send(message)

        with self._traces.request(_parent(scope)) as span:
            try:
                await self._inner(scope, receive, note)
            finally:
                method, route = method_of(scope), route_of(scope)
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {
                        "http.request.method": method,
                        "http.route": route,
                        "http.response.status_code": status,
                        "deedbox.refusal": scope.get("refusal", ""),
                        "deedbox.request_id": scope.get("request_id", ""),
                    }
                )
                self._traces.note_status(span, status)


def _parent(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), "")
