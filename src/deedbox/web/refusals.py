"""Refusals as pages: what went wrong, and where to go from there."""

import logging
from collections.abc import Mapping
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException

from deedbox.core import errors
from deedbox.web.context import WebRequest
from deedbox.web.pages import go_to, page, retry_after_s
from deedbox.web.texts import text
from deedbox.web.visitors import OnlyForOwners, SignInNeeded

_log = logging.getLogger(__name__)

#: Refusal -> status, name of title and text; what is not here is a mistake of the page.
_TABLE: Mapping[type[errors.Refusal], tuple[int, str, str]] = {
    errors.NotFound: (404, "error.not_found_title", "error.not_found"),
    errors.NotPermitted: (403, "error.not_allowed_title", "error.not_allowed"),
    errors.StorageUnavailable: (503, "error.busy_title", "problem.busy"),
    errors.TooBusy: (503, "error.busy_title", "problem.busy"),
    errors.TooManyAttempts: (429, "error.too_many_title", "problem.too_many"),
}
_BAD = (400, "error.bad_title", "error.bad")


def sign_in_needed(request: WebRequest, _: SignInNeeded) -> Response[Any]:
    """Let a stranger sign in; a script is told so."""
    if _is_of_script(request):
        return Response({"message": text("device.signed_out")}, status_code=401)
    return go_to("/d/sign-in")


def only_for_owners(request: WebRequest, refusal: OnlyForOwners) -> Response[Any]:
    """Say that this account owns nothing; after a sign-in that is no mistake of anybody."""
    status = 200 if request.url.path == "/d/devices" else 403
    return page(request, "no_customer.html", refusal.principal, status)


def refused(request: WebRequest, refusal: errors.Refusal) -> Response[Any]:
    """Say why not."""
    answer = _answer(request, *_TABLE.get(type(refusal), _BAD))
    if isinstance(refusal, errors.TooManyAttempts):
        answer.headers["Retry-After"] = retry_after_s(refusal.retry_after_ms)
    return answer


def refused_by_framework(request: WebRequest, error: HTTPException) -> Response[Any]:
    """Say that there is no such page, or that it was asked for in a wrong way."""
    kind = errors.NotFound if error.status_code == 404 else errors.InvalidValue
    _, title, message = _TABLE.get(kind, _BAD)
    return _answer(request, error.status_code, title, message)


def broken(request: WebRequest, error: Exception) -> Response[Any]:
    """Own up to a mistake of ours; its details go to the log."""
    _log.error("unexpected error", exc_info=error)
    return _answer(request, 500, "error.broken_title", "error.broken")


HANDLERS: Mapping[Any, Any] = {
    SignInNeeded: sign_in_needed,
    OnlyForOwners: only_for_owners,
    errors.Refusal: refused,
    HTTPException: refused_by_framework,
    Exception: broken,
}


def _answer(request: WebRequest, status: int, title: str, message: str) -> Response[Any]:
    if _is_of_script(request):
        return Response({"message": text(message)}, status_code=status)
    return page(request, "error.html", None, status, title=text(title), message=text(message))


def _is_of_script(request: WebRequest) -> bool:
    return request.url.path.endswith(("/live", "/events"))
