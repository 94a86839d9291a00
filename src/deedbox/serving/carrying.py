"""Carries the request id, and the trace if there is one, to other nodes and takes them up there."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:  # OpenTelemetry may not be installed
    from deedbox.serving.traces import Traces

_REQUEST, _TRACE = "request_id", "traceparent"
_REQUEST_ID = re.compile("[0-9a-f]{16}")


class RequestCarrier:
    """A `Carrier` of the cluster."""

    def __init__(self, traces: "Traces | None") -> None:
        self._traces = traces

    def pick_up(self) -> dict[str, str]:
        """Return the present request's id and the present span, where there are any."""
        known = {
            _REQUEST: str(structlog.contextvars.get_contextvars().get(_REQUEST, "")),
            _TRACE: self._traces.parent() if self._traces else "",
        }
        return {name: text for name, text in known.items() if text}

    @contextmanager
    def step(self, name: str, carried: Mapping[str, str] | None = None) -> Iterator[None]:
        """Span what is done inside; its lines in the log name the request that it was carried here for."""
        with ExitStack() as inside:
            request_id = (carried or {}).get(_REQUEST, "")
            if _REQUEST_ID.fullmatch(request_id):
                inside.enter_context(structlog.contextvars.bound_contextvars(request_id=request_id))
            if self._traces:
                parent = None if carried is None else carried.get(_TRACE, "")
                inside.enter_context(self._traces.span(name, parent))
            yield
