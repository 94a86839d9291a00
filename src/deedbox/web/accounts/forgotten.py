"""For people who forgot their password: a link comes by mail; without mail they are told whom to ask."""

from typing import Any

from litestar import Response, get, post

from deedbox.core.errors import TooManyAttempts
from deedbox.web.context import WebRequest, context_of, field, source_address
from deedbox.web.pages import Problem, page, retry_after_s
from deedbox.web.texts import text


@get("/d/forgotten")
async def forgotten_page(request: WebRequest) -> Response[Any]:
    """Ask for the e-mail address."""
    return _form(request)


@post("/d/forgotten", status_code=200)
async def forgotten(request: WebRequest) -> Response[Any]:
    """Send a link; say the same for every address, whether somebody has it or not."""
    sign_ins, email = context_of(request).sign_ins, (await field(request, "email")).strip()
    if not email:
        return _form(request, 422, Problem(text("problem.email_missing"), "email"))
    try:
        await sign_ins.wish_for_reset(email, source_address(request))
    except TooManyAttempts as refusal:
        problem = Problem(text("problem.too_many"), wait_ms=refusal.retry_after_ms)
        answer = _form(request, 429, problem, email)
        answer.headers["Retry-After"] = retry_after_s(refusal.retry_after_ms)
        return answer
    return page(request, "reset_sent.html", email=email, is_sent=sign_ins.postbox.is_open)


def _form(
    request: WebRequest, status: int = 200, problem: Problem | None = None, email: str = ""
) -> Response[str]:
    is_open = context_of(request).sign_ins.postbox.is_open
    return page(
        request, "forgotten_password.html", None, status, problem=problem, email=email, is_open=is_open
    )
