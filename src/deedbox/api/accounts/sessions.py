"""One's own sessions: `/api/account/sessions`."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.accounts import SessionShape, session_shape
from deedbox.core.accounts.sessions import end_own_session, end_own_sessions, own_sessions

TAGS = ["Account"]


@get("/api/account/sessions", tags=TAGS, summary="List your sessions")
async def list_sessions(request: ApiRequest) -> list[SessionShape]:
    """Return where you are signed in, the newest session first; `current` is the one that asks."""
    principal = await principal_of(request)
    found = await context_of(request).storage.look(lambda it: own_sessions(it.users, principal))
    return [session_shape(it, principal.session_id) for it in found]


@delete("/api/account/sessions/{session_id:str}", status_code=200, tags=TAGS, summary="End one session")
async def end_session(request: ApiRequest, session_id: FromPath[UUID]) -> None:
    """Sign out somewhere else, at once. 404 for sessions of others."""
    principal, context, address = await principal_of(request), context_of(request), source_address(request)
    await context.storage.write(lambda it: end_own_session(it.users, principal, session_id, address))
    context.authenticator.forget(session_id)


@delete("/api/account/sessions", status_code=200, tags=TAGS, summary="End all sessions")
async def end_sessions(
    request: ApiRequest,
    keep_current: Annotated[
        bool, QueryParameter(name="keepCurrent", description="Leave the session that asks.")
    ] = False,
) -> None:
    """Sign out everywhere, at once."""
    principal, context, address = await principal_of(request), context_of(request), source_address(request)
    ended = await context.storage.write(
        lambda it: end_own_sessions(it.users, principal, address, but_this=keep_current)
    )
    for session_id in ended:
        context.authenticator.forget(session_id)
