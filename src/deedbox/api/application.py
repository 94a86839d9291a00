"""The REST application: routes, errors and the OpenAPI document at `/docs`."""

from copy import copy
from functools import cache
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.di import Provide

from deedbox.api.context import ApiContext
from deedbox.api.documentation import documentation_script, openapi_config
from deedbox.api.errors import HANDLERS
from deedbox.api.history_parameters import history_parameters
from deedbox.api.paging import page_parameters
from deedbox.api.routes import ROUTES

#: For bodies that do not say how long they are; the others are stopped in front.
_LARGEST_BODY_BYTES = 16 * 1024 * 1024


def rest_application(context: ApiContext) -> Litestar:
    """Return the ASGI application that answers `/api` (but for the device side) and `/docs`."""
    # Laying the routes takes a fifth of a second and is the same for every deployment in a process.
    application = copy(_routed())
    application.state = State({"context": context})
    return application


@cache
def _routed() -> Litestar:
    return Litestar(
        route_handlers=[*ROUTES, documentation_script],
        exception_handlers=dict(HANDLERS),
        after_request=_empty_when_nothing,
        dependencies={
            "wanted": Provide(page_parameters, sync_to_thread=False),
            "asked": Provide(history_parameters, sync_to_thread=False),
        },
        openapi_config=openapi_config(),
        logging_config=None,
        request_max_body_size=_LARGEST_BODY_BYTES,
    )


def _empty_when_nothing(response: Response[Any]) -> Response[Any]:
    """Answer with no body, rather than JSON's null, where a handler has nothing to say."""
    if response.content is None:
        response.content = b""
    return response
