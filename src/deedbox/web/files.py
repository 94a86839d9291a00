"""Our own style sheet, scripts and pictures, straight from the package."""

import hashlib
from functools import cache
from importlib.resources import files

from litestar import Response, get
from litestar.params import FromPath

from deedbox.core.errors import NotFound
from deedbox.web.context import WebRequest

_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webmanifest": "application/manifest+json",
}


@cache
def _assets() -> dict[str, tuple[bytes, str]]:
    """Return content and entity tag of each file by name."""
    found = [it for it in files("deedbox.web").joinpath("assets").iterdir() if it.is_file()]
    contents = {it.name: it.read_bytes() for it in found if it.name.rpartition(".")[2] in _TYPES}
    return {name: (data, f'"{hashlib.sha256(data).hexdigest()[:16]}"') for name, data in contents.items()}


@get("/d/assets/{name:str}")
async def asset(request: WebRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer a file, or that the browser has the current one."""
    if name not in _assets():
        raise NotFound
    return _file(request, name)


@get("/favicon.ico")
async def favicon(request: WebRequest) -> Response[bytes]:
    """Answer the mark where browsers look for one on pages that name none, as the API's documentation."""
    return _file(request, "mark.png")


def _file(request: WebRequest, name: str) -> Response[bytes]:
    content, tag = _assets()[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    media_type = _TYPES[name.rpartition(".")[2]]
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers, media_type=media_type)
    return Response(content, headers=headers, media_type=media_type)
