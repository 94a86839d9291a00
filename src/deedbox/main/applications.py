"""Puts the edges together into one ASGI application: health in front, then devices, pages and REST."""

from typing import cast

from deedbox.api.application import rest_application
from deedbox.api.context import ApiContext
from deedbox.api.live.application import LiveApplication
from deedbox.api.live.attendance import ASKED_EVERY_S
from deedbox.api.live.settings import LiveSettings
from deedbox.api.plain_claims import PlainClaims
from deedbox.main.device_sides import DeviceSides
from deedbox.main.measuring import measure_parts, measure_sockets
from deedbox.main.parts import Parts
from deedbox.main.tracing import traced_application
from deedbox.serving.front import Application, front_application
from deedbox.serving.health import HealthApplication, Page, Readiness
from deedbox.serving.observing import ObservedApplication
from deedbox.web.application import web_application
from deedbox.web.context import WebContext


def whole_application(
    parts: Parts, devices: DeviceSides, readiness: Readiness, metrics_page: Page
) -> Application:
    """Return the application that every HTTP and HTTPS listener serves."""
    settings = parts.settings
    measure_parts(parts)
    rest = rest_side(parts, settings.live)
    edges = (devices.http, rest, _web(parts))
    front = front_application(*edges, settings.http.trusted_proxies, devices.mqtt_web_sockets)
    traced = traced_application(front, parts.traces)
    observed = ObservedApplication(traced, parts.metrics, settings.log.access)
    return HealthApplication(observed, readiness, metrics_page)


def rest_side(parts: Parts, live: LiveSettings, sessions_asked_every_s: float = ASKED_EVERY_S) -> Application:
    """Return what answers `/api` but for the device side: requests, and WebSockets as `live` says."""
    context = ApiContext(
        storage=parts.storage,
        keys=parts.keys,
        policy=parts.settings.claim,
        authenticator=parts.authenticator,
        sign_ins=parts.sign_ins,
        claim=parts.claim,
        exchange=parts.exchange,
        attribute_changes=parts.attribute_changes,
        live=parts.live,
        device_limits=parts.settings.device_limits,
        rest_limits=parts.rest_limits,
        reload_limits=parts.rate_limits.reload,
        reload_manners=parts.device_manners.reload,
        reading_limits=parts.settings.reading,
        import_limits=parts.settings.bulk_import,
        command_limits=parts.settings.commands,
    )
    rest = PlainClaims(context, cast(Application, rest_application(context)))
    answering = LiveApplication(context, live, rest, sessions_asked_every_s)
    answering.note_closed = lambda why: parts.metrics.live_closed.labels(why).inc()
    measure_sockets(parts, answering.attendance)
    return answering


def _web(parts: Parts) -> Application:
    context = WebContext(
        storage=parts.storage,
        keys=parts.keys,
        policy=parts.settings.claim,
        page_policy=parts.settings.claim_page,
        authenticator=parts.authenticator,
        claim=parts.claim,
        sign_ins=parts.sign_ins,
        exchange=parts.exchange,
        attribute_changes=parts.attribute_changes,
        live=parts.live,
        streams=parts.page_streams,
        count_step=lambda step: parts.metrics.claim_page_steps.labels(step).inc(),
    )
    return cast(Application, web_application(context))
