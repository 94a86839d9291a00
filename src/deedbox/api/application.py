"""The REST application: routes, errors and the OpenAPI document at `/docs`."""

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from deedbox import __version__
from deedbox.api.context import ApiContext
from deedbox.api.errors import HANDLERS
from deedbox.api.paging import page_parameters
from deedbox.api.routes import ROUTES


def rest_application(context: ApiContext) -> Litestar:
    """Return the ASGI application that answers `/api` (but for the device side) and `/docs`."""
    return Litestar(
        route_handlers=ROUTES,
        state=State({"context": context}),
        exception_handlers=dict(HANDLERS),
        dependencies={"wanted": Provide(page_parameters, sync_to_thread=False)},
        openapi_config=OpenAPIConfig(title="Deedbox", version=__version__, path="/docs"),
        logging_config=None,
    )
