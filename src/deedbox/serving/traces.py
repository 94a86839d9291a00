"""Traces for OpenTelemetry: what took how long, across nodes. Needs the extra `traces`.

Spans are few and made by hand: instrumentation of libraries would write down addresses and statements, and
those hold tokens and values. No attribute comes from a caller; errors are noted without their texts.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from deedbox import __version__
from deedbox.serving.settings import TracesSettings
from deedbox.serving.span_export import SpanExport

_PARENT = "traceparent"
_CLOSING_MS = 5_000
Fact = str | int | float | bool


class Traces:
    """Makes spans of this process and sends them in the background; `node` is its name among others."""

    def __init__(self, settings: TracesSettings, node: str) -> None:
        # Whoever sends requests may say which trace they belong to, not that it is to be kept.
        by_share = TraceIdRatioBased(settings.sample_share)
        self._provider = TracerProvider(
            sampler=ParentBased(by_share, remote_parent_sampled=by_share),
            resource=Resource(
                {"service.name": "deedbox", "service.version": __version__, "service.instance.id": node}
            ),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(SpanExport(settings.endpoint), max_queue_size=2048, schedule_delay_millis=1000)
        )
        self._tracer = self._provider.get_tracer("deedbox", __version__)
        self._carrier = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self, name: str, parent: str | None = None, kind: SpanKind = SpanKind.INTERNAL, **facts: Fact
    ) -> Iterator[Span]:
        """Span what is done inside. `parent` is a W3C traceparent; without one it is the span around."""
        around = None if parent is None else self._context_of(parent)
        attributes = {f"deedbox.{key}": value for key, value in facts.items()}
        span = self._tracer.start_span(name, around, kind, attributes)
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield span
            except Exception as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise

    def request(self, parent: str) -> AbstractContextManager[Span]:
        """Span an HTTP request whose sender says that it belongs to `parent`, "" for nothing."""
        return self.span("HTTP", parent, SpanKind.SERVER)

    def note_status(self, span: Span, status: int) -> None:
        """Note what an HTTP request was answered: the caller's mistakes are none of ours."""
        if status >= 500:
            span.set_status(StatusCode.ERROR)

    def ended(self, name: str, duration_s: float, **facts: Fact) -> None:
        """Note something that has just ended."""
        now_ns = time.time_ns()
        attributes = {f"deedbox.{key}": value for key, value in facts.items()}
        span = self._tracer.start_span(name, attributes=attributes, start_time=now_ns - int(duration_s * 1e9))
        span.end(now_ns)

    def parent(self) -> str:
        """Return the present span as a W3C traceparent for others, "" where there is none."""
        carried: dict[str, str] = {}
        self._carrier.inject(carried)
        return carried.get(_PARENT, "")

    def close(self) -> None:
        """Send what is left, for some seconds at most; takes its time, so call it beside the event loop."""
        self._provider.force_flush(_CLOSING_MS)
        self._provider.shutdown()

    def _context_of(self, parent: str) -> Context:
        carried: Mapping[str, str] = {_PARENT: parent} if parent else {}
        return self._carrier.extract(carried, Context())
