"""A collector for traces: takes what OpenTelemetry's exporter sends over HTTP, and understands it."""

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.ports import free_port


class CollectedSpan(NamedTuple):
    """A span as it arrived; ids in hex, `parent_id` "" for none, `node` the process that made it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    node: str
    facts: dict[str, str]
    duration_ns: int


class TraceCollector:
    """What was sent so far: `bodies` as bytes, `spans` understood."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}/v1/traces"
        self.bodies: list[bytes] = []

    @property
    def spans(self) -> list[CollectedSpan]:
        """All spans."""
        return [span for body in self.bodies for span in _spans(body)]

    def named(self, name: str) -> list[CollectedSpan]:
        """The spans of that name."""
        return [it for it in self.spans if it.name == name]


@contextmanager
def collecting_traces() -> Iterator[TraceCollector]:
    """Listen while the block runs."""
    port = free_port()
    collector = TraceCollector(port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            is_packed = self.headers.get("content-encoding") == "gzip"
            collector.bodies.append(gzip.decompress(body) if is_packed else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            server.shutdown()


def _spans(body: bytes) -> Iterator[CollectedSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        node = _facts(resource.resource.attributes)["service.instance.id"]
        for scope in resource.scope_spans:
            for it in scope.spans:
                yield CollectedSpan(
                    name=it.name,
                    trace_id=it.trace_id.hex(),
                    span_id=it.span_id.hex(),
                    parent_id=it.parent_span_id.hex(),
                    node=node,
                    facts=_facts(it.attributes),
                    duration_ns=it.end_time_unix_nano - it.start_time_unix_nano,
                )


def _facts(pairs: Iterable[KeyValue]) -> dict[str, str]:
    return {it.key: str(getattr(it.value, it.value.WhichOneof("value") or "string_value")) for it in pairs}
