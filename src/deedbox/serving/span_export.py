"""Sends spans to an OpenTelemetry collector over HTTP, and says once when it can't."""

import logging
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_TIMEOUT_S = 5.0

_log = structlog.get_logger("deedbox.traces")


class SpanExport(SpanExporter):
    """The library's exporter, which would log each attempt."""

    def __init__(self, endpoint: str) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_TIMEOUT_S)
        self._is_lost = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; those that can't be sent are dropped."""
        result = self._exporter.export(spans)
        is_lost = result is not SpanExportResult.SUCCESS
        if is_lost and not self._is_lost:
            _log.warning("traces can't be sent to traces.endpoint; they are dropped until it answers")
        self._is_lost = is_lost
        return result

    def shutdown(self) -> None:
        """End; what is being tried is given up."""
        # OpenTelemetry gives this one method no types.
        self._exporter.shutdown()  # type: ignore[no-untyped-call]
