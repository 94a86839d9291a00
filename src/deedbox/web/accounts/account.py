"""The page about one's own account: where one is signed in, and what can be changed."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from deedbox.core.accounts.sessions import end_own_session, end_own_sessions, own_sessions
from deedbox.core.errors import InvalidValue, TooBusy, TooManyAttempts
from deedbox.core.permissions import Principal
from deedbox.core.sessions import Session
from deedbox.web.accounts.browsers import client_words
from deedbox.web.context import WebRequest, context_of, field, source_address
from deedbox.web.pages import Problem, go_to, page, password_problem
from deedbox.web.sessions import caller_of, open_session
from deedbox.web.texts import text
from deedbox.web.visitors import person
from deedbox.web.wording import when_words

ACCOUNT = "/d/account"
_MOST_SHOWN = 20


@get(ACCOUNT)
async def account(request: WebRequest) -> Response[Any]:
    """Show one's own account."""
    return await account_page(request, await person(request))


@post("/d/account/password", status_code=303)
async def change_password(request: WebRequest) -> Response[Any]:
    """Replace the password; all other sessions end."""
    principal = await person(request)
    current, new = await field(request, "current"), await field(request, "password")
    sign_ins = context_of(request).sign_ins
    try:
        pair = await sign_ins.change_password(principal, current, new, caller_of(request))
    except InvalidValue as refusal:
        return await account_page(request, principal, 422, _problem(refusal, new))
    except TooManyAttempts as refusal:
        problem = Problem(text("problem.too_many"), wait_ms=refusal.retry_after_ms)
        return await account_page(request, principal, 429, problem)
    except TooBusy:
        return await account_page(request, principal, 503, Problem(text("problem.busy")))
    response = go_to(f"{ACCOUNT}?done=password")
    open_session(request, response, pair)
    return response


@post("/d/account/sessions/{session_id:uuid}/end", status_code=303)
async def end_session(request: WebRequest, session_id: FromPath[UUID]) -> Response[Any]:
    """Sign out somewhere else."""
    principal, context, address = await person(request), context_of(request), source_address(request)
    await context.storage.write(lambda it: end_own_session(it.users, principal, session_id, address))
    context.authenticator.forget(session_id)
    return go_to(f"{ACCOUNT}?done=session")


@post("/d/account/sessions/end", status_code=303)
async def end_other_sessions(request: WebRequest) -> Response[Any]:
    """Sign out everywhere else."""
    principal, context, address = await person(request), context_of(request), source_address(request)
    ended = await context.storage.write(
        lambda it: end_own_sessions(it.users, principal, address, but_this=True)
    )
    for session_id in ended:
        context.authenticator.forget(session_id)
    return go_to(f"{ACCOUNT}?done=session")


async def account_page(
    request: WebRequest, principal: Principal, status: int = 200, problem: Problem | None = None
) -> Response[str]:
    """Return the page, with what is wrong with one of its forms."""
    storage = context_of(request).storage
    found = await storage.look(lambda it: own_sessions(it.users, principal))
    now_ms, done = storage.now_ms(), request.query_params.get("done", "")
    shown = [_shown(it, principal, now_ms) for it in found[:_MOST_SHOWN]]
    values: dict[str, Any] = {"sessions": shown, "problem": problem}
    values["done"] = done if done in ("password", "session") and not problem else ""
    return page(request, "account.html", principal, status, **values)


def _shown(it: Session, principal: Principal, now_ms: int) -> dict[str, Any]:
    return {
        "id": it.id,
        "client": client_words(it.client),
        "address": it.source_address,
        "since": when_words(now_ms - it.created_at),
        "is_current": it.id == principal.session_id,
    }


def _problem(refusal: InvalidValue, new: str) -> Problem:
    if refusal.pointer == "/currentPassword":
        return Problem(text("account.wrong_password"), "current")
    if new and refusal.pointer == "/newPassword" and "different" in refusal.message:
        return Problem(text("account.same_password"), "password")
    return Problem(password_problem(new), "password")
