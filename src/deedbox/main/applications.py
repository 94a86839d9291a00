"""Puts the edges together into one ASGI application: health in front, then devices, pages and REST."""

from typing import cast

from deedbox.api.application import rest_application
from deedbox.api.context import ApiContext
from deedbox.api.plain_claims import PlainClaims
from deedbox.main.parts import Parts
from deedbox.serving.front import Application, front_application
from deedbox.serving.health import HealthApplication, Readiness
from deedbox.serving.observing import ObservedApplication
from deedbox.transports.http.application import DeviceApplication
from deedbox.web.application import web_application
from deedbox.web.context import WebContext


def whole_application(parts: Parts, device: DeviceApplication, readiness: Readiness) -> Application:
    """Return the application that every HTTP and HTTPS listener serves."""
    settings = parts.settings
    front = front_application(device, _rest(parts), _web(parts), settings.http.trusted_proxies)
    observed = ObservedApplication(front, parts.metrics, settings.log.access)
    return HealthApplication(observed, readiness, parts.metrics.page)


def _rest(parts: Parts) -> Application:
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
        reload_limits=parts.rate_limits.reload,
        reading_limits=parts.settings.reading,
        import_limits=parts.settings.bulk_import,
    )
    return PlainClaims(context, cast(Application, rest_application(context)))


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
    )
    return cast(Application, web_application(context))
