"""Renders templates: escaped by default, every sentence from `texts`."""

from functools import cache
from typing import Any

import msgspec
from litestar import Response
from litestar.response import Redirect

from deedbox.core.passwords import LONGEST, SHORTEST
from deedbox.core.permissions import Principal
from deedbox.web.context import WebRequest, is_encrypted
from deedbox.web.texts import text


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a form: in which field ("": the whole), how long to wait before the next try."""

    text: str
    field: str = ""
    wait_ms: int = 0
    is_mistake: bool = False


@cache
def _environment() -> Any:
    # Imported with the first page: a server that shows none starts faster and stays smaller.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("deedbox.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["t"] = text
    return environment


def page(
    request: WebRequest,
    template: str,
    principal: Principal | None = None,
    status: int = 200,
    **values: Any,
) -> Response[str]:
    """Return the page; `principal` is who looks at it, None for a stranger."""
    common = {"principal": principal, "is_encrypted": is_encrypted(request)}
    html = _environment().get_template(template).render(common | values)
    return Response(html, status_code=status, media_type="text/html")


def go_to(path: str) -> Response[Any]:
    """Send the browser to another page, which it asks for with GET."""
    return Redirect(path, status_code=303)


def wait_words(wait_ms: int) -> str:
    """Return a time to wait in words, rounded up."""
    seconds = max(1, -(-wait_ms // 1000))
    if seconds > 120:
        return text("wait.minutes", count=-(-seconds // 60))
    return text("wait.second") if seconds == 1 else text("wait.seconds", count=seconds)


def retry_after_s(wait_ms: int) -> str:
    """Return the value of `Retry-After`."""
    return str(max(1, -(-wait_ms // 1000)))


def password_problem(password: str) -> str:
    """Return what is wrong with a password that was refused."""
    if not password:
        return text("password.missing")
    if not SHORTEST <= len(password) <= LONGEST:
        return text("password.length", count=len(password))
    return text("password.guessable")
