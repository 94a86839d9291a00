"""The web application: pages behind their guard; made when the first page is asked for."""

from copy import copy
from functools import cache

from litestar import Litestar
from litestar.datastructures import State
from litestar.types import ASGIApp, Receive, Scope, Send

from deedbox.web.context import WebContext

#: A form holds a name, a key or a password; nothing here is longer.
_LARGEST_BODY_BYTES = 16_384


def web_application(context: WebContext) -> ASGIApp:
    """Return the ASGI application that answers `/`, `/d...`, `/t/SLUG/d...`, `/login...`."""

    @cache
    def pages() -> ASGIApp:
        return _pages(context)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await pages()(scope, receive, send)

    return application


def _pages(context: WebContext) -> ASGIApp:
    # With the first page: a server that shows none starts faster and stays smaller.
    from deedbox.web.guard import guarded  # noqa: PLC0415
    from deedbox.web.renewing import renewing  # noqa: PLC0415

    # The routes are the same for every deployment in a process, and laying them takes time.
    pages = copy(_routed())
    pages.state = State({"context": context})
    return guarded(renewing(pages, context.sign_ins, context.authenticator))


@cache
def _routed() -> Litestar:
    from deedbox.web.refusals import HANDLERS  # noqa: PLC0415
    from deedbox.web.routes import ROUTES  # noqa: PLC0415

    return Litestar(
        route_handlers=ROUTES,
        exception_handlers=dict(HANDLERS),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=_LARGEST_BODY_BYTES,
    )
