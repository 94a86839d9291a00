"""Signing in and out; a scanned label survives the first and not the second."""

from typing import Any

from litestar import Response, get, post

from deedbox.core import claim_intents
from deedbox.core.claim_intents import ClaimIntent
from deedbox.core.errors import AccountNotActive, TooBusy, TooManyAttempts, WrongPassword
from deedbox.web.context import Step, WebRequest, context_of, field, source_address
from deedbox.web.cookies import CLAIM, clear_cookie, read_cookie
from deedbox.web.pages import Problem, go_to, page, retry_after_s
from deedbox.web.sessions import caller_of, close_session, open_session
from deedbox.web.texts import text
from deedbox.web.visitors import intent, visitor


@get("/d/sign-in")
async def sign_in_page(request: WebRequest) -> Response[Any]:
    """Ask for e-mail address and password."""
    if await visitor(request) is not None:
        return go_to("/d/add" if await intent(request) else "/d/devices")
    return await sign_in_form(request, await intent(request))


@get("/login")
async def login(request: WebRequest) -> Response[Any]:
    """Send whoever guesses this address, or knows it from elsewhere, to the sign-in."""
    return go_to("/d/sign-in")


@post("/d/sign-in", status_code=303)
async def sign_in(request: WebRequest) -> Response[Any]:
    """Open a session, then go on with the scanned label, or to the devices."""
    wanted = await intent(request)
    email, password = (await field(request, "email")).strip(), await field(request, "password")
    if not email or not password:
        what = "password" if email else "email"
        missing = text("problem.password_missing") if email else text("problem.email_missing")
        return await sign_in_form(request, wanted, 422, email, Problem(missing, what))
    try:
        pair = await context_of(request).sign_ins.by_password(email, password, caller_of(request))
    except WrongPassword:
        problem = Problem(text("problem.wrong_password"), "email")
        return await sign_in_form(request, wanted, 401, email, problem)
    except AccountNotActive:
        return await sign_in_form(request, wanted, 401, email, Problem(text("problem.not_active")))
    except TooBusy:
        return await sign_in_form(request, wanted, 503, email, Problem(text("problem.busy")))
    except TooManyAttempts as refusal:
        problem = Problem(text("problem.too_many_sign_ins"), wait_ms=refusal.retry_after_ms)
        answer = await sign_in_form(request, wanted, 429, email, problem)
        answer.headers["Retry-After"] = retry_after_s(refusal.retry_after_ms)
        return answer
    if wanted:
        context_of(request).count_step(Step.SIGNED_IN)
    response = go_to("/d/add" if wanted else "/d/devices")
    open_session(request, response, pair)
    return response


@post("/d/sign-out", status_code=303)
async def sign_out(request: WebRequest) -> Response[Any]:
    """End the session and forget the label: the browser may be a shared one. `again`: for another account."""
    context, principal = context_of(request), await visitor(request)
    if principal is not None:
        await context.sign_ins.sign_out(principal, source_address(request))
    keeps_label = bool(await field(request, "again")) and await intent(request) is not None
    response = go_to("/d/add" if keeps_label else "/")
    close_session(request, response)
    if not keeps_label:
        await _forget_label(request, response)
    return response


async def sign_in_form(
    request: WebRequest,
    wanted: ClaimIntent | None,
    status: int = 200,
    email: str = "",
    problem: Problem | None = None,
) -> Response[str]:
    """Return the form; above it the label that waits, if there is one."""
    maker = None
    if wanted is not None:
        tenant_id = wanted.tenant_id
        maker = await context_of(request).storage.look(lambda it: it.claim_pages.maker_by_id(tenant_id))
    values = {"intent": wanted, "maker": maker, "email": email, "problem": problem}
    return page(request, "sign_in.html", None, status, **values)


async def _forget_label(request: WebRequest, response: Response[Any]) -> None:
    context, token = context_of(request), read_cookie(request, CLAIM)
    if token:
        await context.storage.write(
            lambda stores: claim_intents.drop(stores.claim_intents, context.keys, token)
        )
        clear_cookie(request, response, CLAIM)
