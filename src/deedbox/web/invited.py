"""Where activation and reset links lead: people set a password and are signed in.

The link's token stays in the form: a script takes it out of the address bar, and no other page is told of it.
"""

from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter

from deedbox.core.accounts.callers import Caller
from deedbox.core.errors import (
    AccountNotActive,
    InvalidValue,
    TooBusy,
    TooManyAttempts,
    WrongPassword,
)
from deedbox.core.sign_ins import SignIns
from deedbox.core.tokens import TokenPair
from deedbox.web.context import Step, WebRequest, context_of, field, source_address
from deedbox.web.pages import Problem, go_to, page, password_problem
from deedbox.web.sessions import caller_of, open_session
from deedbox.web.texts import text
from deedbox.web.visitors import intent


class _Link(NamedTuple):
    """One of the two kinds of links, with its token."""

    is_reset: bool
    token: str


@get("/login/createPassword")
async def create_password_page(
    request: WebRequest, token: Annotated[str, QueryParameter(name="activateToken")] = ""
) -> Response[Any]:
    """Ask a new user for a password."""
    return await _ask(request, _Link(False, token))


@post("/login/createPassword", status_code=303)
async def create_password(request: WebRequest) -> Response[Any]:
    """Set the first password and sign in."""
    return await _set(request, _Link(False, await field(request, "token")))


@get("/login/resetPassword")
async def reset_password_page(
    request: WebRequest, token: Annotated[str, QueryParameter(name="resetToken")] = ""
) -> Response[Any]:
    """Ask for a new password."""
    return await _ask(request, _Link(True, token))


@post("/login/resetPassword", status_code=303)
async def reset_password(request: WebRequest) -> Response[Any]:
    """Set a new password, end all sessions, and sign in."""
    return await _set(request, _Link(True, await field(request, "token")))


async def _ask(request: WebRequest, link: _Link) -> Response[Any]:
    email = await _email_of(request, link)
    return _dead_link(request, link) if email is None else _form(request, link, email)


async def _set(request: WebRequest, link: _Link) -> Response[Any]:
    email, password = await _email_of(request, link), await field(request, "password")
    if email is None:
        return _dead_link(request, link)
    try:
        pair = await _signed_in(context_of(request).sign_ins, link, email, password, caller_of(request))
    except InvalidValue as refusal:
        if refusal.pointer != "/password":
            return _dead_link(request, link)
        return _form(request, link, email, 422, Problem(password_problem(password), "password"))
    except (AccountNotActive, TooBusy) as refusal:
        status, said = (503, "problem.busy") if isinstance(refusal, TooBusy) else (403, "problem.not_active")
        return _form(request, link, email, status, Problem(text(said)))
    return await _go_on(request, link, pair)


async def _go_on(request: WebRequest, link: _Link, pair: TokenPair | None) -> Response[Any]:
    if pair is None:
        return go_to("/d/sign-in")
    wanted = await intent(request)
    if wanted:
        context_of(request).count_step(Step.SIGNED_IN if link.is_reset else Step.SIGNED_UP)
    response = go_to("/d/add" if wanted else "/d/devices")
    open_session(request, response, pair)
    return response


async def _signed_in(
    sign_ins: SignIns, link: _Link, email: str, password: str, caller: Caller
) -> TokenPair | None:
    """Set the password and sign in; None when only the second did not work out."""
    if not link.is_reset:
        return await sign_ins.activate(link.token, password, caller)
    device = await sign_ins.reset_password(link.token, password, caller.address)
    try:
        return await sign_ins.by_password(email, password, msgspec.structs.replace(caller, device=device))
    except (AccountNotActive, TooBusy, TooManyAttempts, WrongPassword):
        return None


async def _email_of(request: WebRequest, link: _Link) -> str | None:
    """Return whose link it is, None for one that is unknown, used or expired. Raises TooManyAttempts."""
    if not link.token:
        return None
    sign_ins = context_of(request).sign_ins
    check = sign_ins.check_reset if link.is_reset else sign_ins.check_activation
    try:
        return (await check(link.token, source_address(request))).user.email
    except InvalidValue:
        return None


def _form(
    request: WebRequest, link: _Link, email: str, status: int = 200, problem: Problem | None = None
) -> Response[str]:
    values = {"is_reset": link.is_reset, "token": link.token, "email": email, "problem": problem}
    return _told_to_nobody(page(request, "password.html", None, status, **values))


def _dead_link(request: WebRequest, link: _Link) -> Response[str]:
    return _told_to_nobody(page(request, "dead_link.html", None, 404, is_reset=link.is_reset))


def _told_to_nobody(answer: Response[str]) -> Response[str]:
    # Not "no-referrer": the guard needs the origin of the form.
    answer.headers["Referrer-Policy"] = "strict-origin"
    return answer
