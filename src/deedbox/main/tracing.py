"""Opens traces where a setting says where they go; without it nothing of OpenTelemetry is even imported."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from deedbox.config.declared import Settings
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.main.failures import CannotStart
from deedbox.serving.health import Application
from deedbox.serving.logs import node_name
from deedbox.serving.traced import TracedApplication
from deedbox.storage.opening import OpenedStorage

if TYPE_CHECKING:  # it may not be installed
    from deedbox.serving.traces import Traces

Claim = Callable[[ClaimRequest], Awaitable[ClaimOutcome]]
Observe = Callable[[int, int, float], None]


@asynccontextmanager
async def opened_traces(settings: Settings) -> AsyncIterator["Traces | None"]:
    """Open traces, None where they are not wanted. Raises CannotStart."""
    if not settings.traces.endpoint:
        yield None
        return
    try:
        from deedbox.serving.traces import Traces  # noqa: PLC0415 - takes half a second; few need it
    except ModuleNotFoundError as error:
        raise CannotStart(
            "traces.endpoint is set, but OpenTelemetry is not installed: pip install 'deedbox[traces]'."
        ) from error
    traces = Traces(settings.traces, node_name())
    try:
        yield traces
    finally:
        await asyncio.to_thread(traces.close)


def observe_writes(storage: OpenedStorage, count: Observe, traces: "Traces | None") -> None:
    """Have write transactions counted, and spanned when they have ended."""

    def count_and_span(jobs: int, waiting: int, duration_s: float) -> None:
        count(jobs, waiting, duration_s)
        if traces:
            traces.ended("write transaction", duration_s, jobs=jobs, waiting=waiting)

    storage.observe_commits(count_and_span if traces else count)


def traced_claim(claim: Claim, traces: "Traces | None") -> Claim:
    """Return the claim with a span around each decision."""
    if traces is None:
        return claim
    spans = traces

    async def claim_in_span(request: ClaimRequest) -> ClaimOutcome:
        with spans.span("claim") as span:
            outcome = await claim(request)
            span.set_attribute("deedbox.answer", str(outcome.answer))
            return outcome

    return claim_in_span


def traced_application(inner: Application, traces: "Traces | None") -> Application:
    """Return the application with a span around each request."""
    return TracedApplication(inner, traces) if traces else inner
