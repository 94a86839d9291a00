"""`/d`, where labels lead: the page reads the link's fragment and sends it once, or people type the label."""

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from deedbox.core import claim_intents
from deedbox.core.claim_intents import ClaimIntent, Label
from deedbox.core.claim_pages import Maker, maker_of
from deedbox.core.errors import InvalidValue, TooManyAttempts
from deedbox.core.labels import looks_mistyped
from deedbox.web.context import Step, WebRequest, context_of, field, source_address
from deedbox.web.cookies import CLAIM, set_cookie
from deedbox.web.pages import Problem, go_to, page, retry_after_s, wait_words
from deedbox.web.texts import text
from deedbox.web.visitors import visitor


class ScannedLabel(msgspec.Struct, frozen=True):
    """What the page's script sends: the fragment of the link, still encoded."""

    label: str

    def __repr__(self) -> str:
        return "ScannedLabel()"  # it holds the key


@get("/")
async def landing(request: WebRequest) -> Response[str]:
    """What this server is, in three links."""
    return page(request, "landing.html", await visitor(request))


@get(["/d", "/t/{slug:str}/d"])
async def start(request: WebRequest, slug: FromPath[str | None] = None) -> Response[str]:
    """Ask for the label. The fragment of a scanned link never reaches the server with this request."""
    maker = await _maker(request, slug)
    if maker is None:
        return await _no_maker(request)
    return await _start(request, maker)


@post(["/d/intents", "/t/{slug:str}/d/intents"], status_code=303)
async def keep_intent(request: WebRequest, slug: FromPath[str | None] = None) -> Response[Any]:
    """Keep a label until somebody has signed in: a scanned one from the script, a typed one from the form."""
    maker = await _maker(request, slug)
    if request.headers.get("content-type", "").startswith("application/json"):
        return await _keep_scanned(request, maker)
    if maker is None:
        return await _no_maker(request)
    return await _keep_typed(request, maker)


async def _keep_scanned(request: WebRequest, maker: Maker | None) -> Response[Any]:
    try:
        scanned = msgspec.json.decode(await request.body(), type=ScannedLabel)
        label = claim_intents.label_of(scanned.label)
    except (msgspec.DecodeError, InvalidValue):
        return _told(422, text("problem.label_invalid"))
    if maker is None:
        return _told(404, text("start.no_maker"))
    try:
        token = await _keep(request, maker, label)
    except TooManyAttempts as refusal:
        wait = text("problem.wait", wait=wait_words(refusal.retry_after_ms))
        return _told(429, f"{text('problem.too_many_labels')} {wait}", refusal)
    return _with_intent(request, Response(None, status_code=204), token)


async def _keep_typed(request: WebRequest, maker: Maker) -> Response[Any]:
    name, key = (await field(request, "name")).strip(), (await field(request, "key")).strip()
    if looks_mistyped(key) and not await field(request, "as_typed"):
        problem = Problem(text("problem.code_mistake"), "key", is_mistake=True)
        return await _start(request, maker, 422, name=name, key=key, problem=problem)
    try:
        token = await _keep(request, maker, claim_intents.checked_label(name, key))
    except InvalidValue:
        problem = Problem(_typed_problem(name), "key" if name else "name")
        return await _start(request, maker, 422, name=name, key=key, problem=problem)
    except TooManyAttempts as refusal:
        problem = Problem(text("problem.too_many_labels"), wait_ms=refusal.retry_after_ms)
        answer = await _start(request, maker, 429, name=name, key=key, problem=problem)
        answer.headers["Retry-After"] = retry_after_s(refusal.retry_after_ms)
        return answer
    return _with_intent(request, go_to("/d/add"), token)


def _typed_problem(name: str) -> str:
    return text("problem.too_long") if name else text("problem.name_missing")


async def _keep(request: WebRequest, maker: Maker, label: Label) -> str:
    context = context_of(request)
    intent = ClaimIntent(maker.id, label)
    token = await context.storage.write(
        lambda stores: claim_intents.keep(
            stores.claim_intents, context.keys, context.page_policy, intent, source_address(request)
        )
    )
    context.count_step(Step.SCANNED)
    return token


async def _maker(request: WebRequest, slug: str | None) -> Maker | None:
    host = request.url.hostname or ""
    return await context_of(request).storage.look(lambda stores: maker_of(stores.claim_pages, host, slug))


async def _start(
    request: WebRequest,
    maker: Maker,
    status: int = 200,
    *,
    name: str = "",
    key: str = "",
    problem: Problem | None = None,
) -> Response[str]:
    values = {"maker": maker, "name": name, "key": key, "problem": problem}
    return page(request, "start.html", await visitor(request), status, **values)


async def _no_maker(request: WebRequest) -> Response[str]:
    origin = f"{request.url.scheme}://{request.url.netloc}"
    return page(request, "no_maker.html", await visitor(request), 404, origin=origin)


def _with_intent(request: WebRequest, response: Response[Any], token: str) -> Response[Any]:
    lifetime_s = context_of(request).page_policy.intent_minutes * 60
    set_cookie(request, response, CLAIM, token, lifetime_s)
    return response


def _told(status: int, message: str, refusal: TooManyAttempts | None = None) -> Response[Any]:
    headers = {"Retry-After": retry_after_s(refusal.retry_after_ms)} if refusal else None
    return Response({"message": message}, status_code=status, headers=headers)
