"""Refusals on the wire: the one table from refusal to status and codes, and the body that carries them.

The body is the reference server's (`status`, `message`, `errorCode`, `timestamp`) plus a stable `code`, plus
`errors` with JSON pointers where several fields are wrong.
"""

import logging
import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException

from deedbox.api.context import ApiRequest
from deedbox.core import errors

_log = logging.getLogger(__name__)

#: Refusal -> HTTP status, error code of the reference server. A test fails when a refusal has no row.
TABLE: Mapping[type[errors.Refusal], tuple[int, int]] = {
    errors.NotSignedIn: (401, 10),
    errors.WrongPassword: (401, 10),
    errors.AccountNotActive: (401, 10),
    errors.TokenExpired: (401, 11),
    errors.NotPermitted: (403, 20),
    errors.InvalidValue: (400, 31),
    errors.InvalidValues: (400, 31),
    errors.NameTaken: (400, 31),
    errors.NotFound: (404, 32),
    errors.TooManyAttempts: (429, 33),
    errors.TooManyMessages: (429, 33),
    errors.TooBusy: (503, 33),
    errors.VersionConflict: (409, 35),
    errors.LimitReached: (403, 41),
    errors.PayloadTooLarge: (413, 31),
    errors.DeviceOffline: (504, 2),
    errors.StorageUnavailable: (503, 46),
}

_UNDERSCORE = re.compile("_([a-z])")
_BY_STATUS = {401: 10, 403: 20, 404: 32, 413: 31, 429: 33}


def body(status: int, message: str, error_code: int, code: str, **more: Any) -> dict[str, Any]:
    """Return an error body."""
    now_ms = time.time_ns() // 1_000_000
    known = {"status": status, "message": message, "errorCode": error_code, "timestamp": now_ms, "code": code}
    return known | more


def refusal_answer(refusal: errors.Refusal) -> tuple[int, dict[str, Any], dict[str, str] | None]:
    """Return status, body and headers of a refusal."""
    status, error_code = TABLE[type(refusal)]
    content = body(status, refusal.message, error_code, refusal.code, **_details(refusal))
    return status, content, _headers(refusal)


def refusal_response(request: ApiRequest, refusal: errors.Refusal) -> Response[Any]:
    """Answer a refusal; leave its code in the scope, where requests are counted."""
    request.scope["refusal"] = refusal.code  # type: ignore[typeddict-unknown-key]  # for metrics
    status, content, headers = refusal_answer(refusal)
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def http_response(_: ApiRequest, error: HTTPException) -> Response[Any]:
    """Answer what the framework refused: unknown path, wrong method, a body that does not fit its shape."""
    status = error.status_code
    message, more = error.detail, {}
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        more = {"errors": [_field(it) for it in error.extra]}
        message = "; ".join(it["message"] for it in more["errors"]) or message
    code = {400: "invalid_value", 404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}.get(
        status, "refused"
    )
    content = body(status, message, _BY_STATUS.get(status, 31 if status < 500 else 2), code, **more)
    return Response(content, status_code=status, media_type="application/json", headers=error.headers)


def malformed_response(_: ApiRequest, error: SerializationException) -> Response[Any]:
    """Answer a body that is not JSON."""
    content = body(400, f"The body is not valid JSON: {_reason(error)}", 31, "invalid_value")
    return Response(content, status_code=400, media_type="application/json")


def unreadable_response(_: ApiRequest, error: Exception) -> Response[Any]:
    """Answer a body that is no text, or whose brackets are nested beyond what the parser follows."""
    why = (
        "it is not UTF-8 text"
        if isinstance(error, UnicodeDecodeError)
        else "its brackets are nested too deep"
    )
    content = body(400, f"The body is not valid JSON: {why}.", 31, "invalid_value")
    return Response(content, status_code=400, media_type="application/json")


def failure_response(request: ApiRequest, error: Exception) -> Response[Any]:
    """Answer a mistake of ours without its details, which go to the log."""
    content = failure_content(error, str(request.route_handler.handler_name))
    return Response(content, status_code=500, media_type="application/json")


def failure_content(error: Exception, route: str) -> dict[str, Any]:
    """Log a mistake of ours; return the body that tells of it without its details."""
    _log.error("unexpected error", exc_info=error, extra={"route": route})
    return body(500, "Something went wrong here. It is in the server's log.", 2, "internal_error")


HANDLERS: Mapping[Any, Any] = {
    errors.Refusal: refusal_response,
    SerializationException: malformed_response,
    msgspec.DecodeError: malformed_response,
    UnicodeDecodeError: unreadable_response,
    RecursionError: unreadable_response,
    HTTPException: http_response,
    Exception: failure_response,
}


def _details(refusal: errors.Refusal) -> dict[str, Any]:
    if isinstance(refusal, errors.InvalidValues):
        return {"errors": [{"pointer": it.pointer, "message": it.message} for it in refusal.problems]}
    if isinstance(refusal, errors.InvalidValue) and refusal.pointer:
        return {"errors": [{"pointer": refusal.pointer, "message": refusal.message}]}
    return {key: value for key, value in refusal.details.items() if key in ("operation", "resource")}


def _headers(refusal: errors.Refusal) -> dict[str, str] | None:
    if isinstance(refusal, errors.TooManyAttempts | errors.TooManyMessages):
        return {"Retry-After": str(-(-refusal.retry_after_ms // 1000))}
    return None


def _field(problem: Any) -> dict[str, str]:
    # Handlers name parameters in Python's way; people know them from the address and the body.
    name = _UNDERSCORE.sub(lambda found: found[1].upper(), str(problem.get("key", "")))
    message = f"{name}: {problem['message']}" if name else problem["message"]
    return {"pointer": "/" + name.replace(".", "/"), "message": message}


def _reason(error: Exception) -> str:
    # The cause names the position, never the text: bodies may hold secrets.
    return str(error.__cause__ or error).split(":")[-1].strip()
