"""What Deedbox counts and measures for Prometheus. Labels come from fixed sets, never from callers."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from deedbox.serving.readings import Readings

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        #: What is read when Prometheus asks.
        self.readings = Readings(self._registry)
        self.claims = self._counter("deedbox_claims", "Claim requests by answer.", "answer")
        self.claim_alarms = self._counter("deedbox_claim_alarms", "Alarms about wrong claims.", "scope")
        self.announcements = self._counter("deedbox_announcements", "Offers of devices by answer.", "answer")
        self.provisionings = self._counter(
            "deedbox_provisionings", "Devices that wanted to provision themselves, by answer.", "answer"
        )
        self.limited = self._counter(
            "deedbox_limited_messages", "Messages of devices beyond a limit.", "whose", "kind"
        )
        self.telemetry_messages = self._counter(
            "deedbox_telemetry_messages", "Telemetry messages of devices that were stored."
        )
        self.mqtt_connections = Gauge(
            "deedbox_mqtt_connections", "MQTT connections that are open.", registry=self._registry
        )
        self.journal_messages = Gauge(
            "deedbox_journal_messages",
            "Telemetry messages in the journal, not moved to the time series yet.",
            registry=self._registry,
        )
        self.device_refusals = self._counter(
            "deedbox_device_refusals", "Refused HTTP requests of devices by code.", "code"
        )
        self.mqtt_refusals = self._counter(
            "deedbox_mqtt_refusals", "What MQTT clients were refused, and why.", "what", "reason"
        )
        self.coap_refusals = self._counter(
            "deedbox_coap_refusals", "Refused CoAP requests by response code.", "code"
        )
        self.claim_page_steps = self._counter(
            "deedbox_claim_page_steps", "Steps of people with a scanned label on the claim page.", "step"
        )
        self.mails = self._counter("deedbox_mails", "Mails that waited, by what became of them.", "outcome")
        self.waiting_mails = Gauge(
            "deedbox_waiting_mails",
            "Mails that wait to be sent, counted where they are sent.",
            registry=self._registry,
        )
        self.live_closed = self._counter(
            "deedbox_live_closed", "WebSockets that were turned away or ended here, and why.", "why"
        )
        self.refusals = self._counter("deedbox_refusals", "Refused REST requests by code.", "code")
        self.requests = self._counter(
            "deedbox_http_requests", "HTTP requests by route.", "method", "route", "status"
        )
        self.request_seconds = Histogram(
            "deedbox_http_request_seconds",
            "Time from an HTTP request's headers to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.commit_seconds = Histogram(
            "deedbox_commit_seconds",
            "Time of a write transaction, begin to end.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.commit_jobs = Histogram(
            "deedbox_commit_jobs",
            "Jobs that shared a write transaction.",
            buckets=_SIZES,
            registry=self._registry,
        )
        self.waiting_jobs = Gauge(
            "deedbox_waiting_jobs", "Jobs that wait for a write transaction.", registry=self._registry
        )
        self.deleted_rows = self._counter(
            "deedbox_deleted_rows", "Rows that were deleted on schedule.", "kind"
        )
        self._scheduled_work_held = Gauge(
            "deedbox_scheduled_work_held",
            "1 on the node that does the scheduled work.",
            registry=self._registry,
        )
        self.history_reads = self._counter(
            "deedbox_replica_reads", "Reads of the past, where replicas are named.", "where"
        )
        self._bus_is_connected = Gauge(
            "deedbox_bus_connected", "0 while other nodes can't be reached.", registry=self._registry
        )
        self._bus_is_connected.set(1)
        self._bus_connections = self._counter("deedbox_bus_connections", "Connections to NATS.")
        self._bus_dropped = self._counter(
            "deedbox_bus_dropped_messages", "Messages that did not leave for other nodes.", "reason"
        )

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self._registry)

    def commit_ended(self, jobs: int, waiting: int, duration_s: float) -> None:
        """Note a write transaction; called by the writer thread."""
        self.commit_jobs.observe(jobs)
        self.commit_seconds.observe(duration_s)
        self.waiting_jobs.set(waiting)

    def scheduled_work_held(self, is_held: bool) -> None:
        """Note whether this node does the scheduled work."""
        self._scheduled_work_held.set(is_held)

    def bus_connected(self, is_connected: bool) -> None:
        """Note that other nodes can be reached now, or no longer."""
        self._bus_is_connected.set(is_connected)
        self._bus_connections.inc(is_connected)

    def bus_dropped(self, reason: str) -> None:
        """Note a message that did not leave for other nodes."""
        self._bus_dropped.labels(reason).inc()

    def page(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self._registry)
