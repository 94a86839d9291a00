"""The API's documentation at `/docs`: RapiDoc over the OpenAPI document, all of it served from here."""

from functools import cache
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from deedbox import __version__

_SCRIPT = "rapidoc-9.3.8.min.js"
_A_YEAR = "public, max-age=31536000, immutable"
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Deedbox API</title>
<link rel="icon" href="data:,">
<script type="module" src="/docs/{_SCRIPT}"></script>
</head>
<body>
<rapi-doc spec-url="/docs/openapi.json" render-style="view" show-header="false" load-fonts="false"
  primary-color="#0b6b5b" schema-style="table" allow-server-selection="false" persist-auth="false"
  regular-font="system-ui, sans-serif" sort-tags="true"></rapi-doc>
<noscript>This page needs JavaScript; the document itself is at <a href="/docs/openapi.json">openapi.json</a>.
</noscript>
</body>
</html>
"""


_DESCRIPTION = """Hands devices over to the people who own them.

Sign in with `POST /api/auth/login`; send the token as `X-Authorization: Bearer TOKEN`. Refusals have the
status, a message for people, ThingsBoard's `errorCode` and a stable `code` to branch on.
"""


_TOKEN = SecurityScheme(
    type="apiKey",
    name="X-Authorization",
    security_scheme_in="header",
    description="`Bearer ` and the token that signing in returned; `Authorization` does as well.",
)


class _Page(OpenAPIRenderPlugin):
    """The page; Litestar's own ones load theirs from other people's servers."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return _PAGE.encode()


@get(f"/docs/{_SCRIPT}", include_in_schema=False, sync_to_thread=False)
def documentation_script() -> Response[bytes]:
    """Return RapiDoc; its name holds its version, so browsers may keep it."""
    return Response(_script(), media_type="text/javascript", headers={"Cache-Control": _A_YEAR})


@cache
def _script() -> bytes:
    return files("deedbox.api.vendored").joinpath(_SCRIPT).read_bytes()


def openapi_config() -> OpenAPIConfig:
    """Return how the API describes itself."""
    return OpenAPIConfig(
        title="Deedbox",
        version=__version__,
        description=_DESCRIPTION,
        components=Components(security_schemes={"token": _TOKEN}),
        security=[{"token": []}],
        path="/docs",
        use_handler_docstrings=True,
        render_plugins=[_Page(path="/"), JsonRenderPlugin(path="/openapi.json")],
    )
