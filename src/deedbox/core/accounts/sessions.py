"""Somebody's own sessions: seen, and ended one by one or all at once."""

from collections.abc import Sequence
from uuid import UUID

from deedbox.core.errors import NotFound, NotSignedIn
from deedbox.core.permissions import Principal, check_in_person
from deedbox.core.sessions import Session
from deedbox.core.users import UserStore, audit


async def own_sessions(store: UserStore, principal: Principal) -> Sequence[Session]:
    """Return the sessions that have not expired, the newest first. Raises NotSignedIn for visitors."""
    _check_person(principal)
    now_ms = await store.now_ms()
    return [it for it in await store.sessions_of(principal.user_id) if it.expires_at > now_ms]


async def end_own_session(
    store: UserStore, principal: Principal, session_id: UUID, source_address: str
) -> None:
    """End one of one's own sessions. Raises NotFound for any other, NotPermitted for an API key."""
    check_in_person(principal)
    _check_person(principal)
    session = await store.find_session(session_id)
    if session is None or session.user_id != principal.user_id:
        raise NotFound("There is no such session.")
    await store.end_session(session_id)
    await _note(store, principal, source_address, 1)


async def end_own_sessions(
    store: UserStore, principal: Principal, source_address: str, *, but_this: bool
) -> list[UUID]:
    """End all of one's own sessions, or all but the one that asks; return which.

    Raises NotPermitted for an API key.
    """
    check_in_person(principal)
    _check_person(principal)
    ended = [
        it.id
        for it in await store.sessions_of(principal.user_id)
        if not (but_this and it.id == principal.session_id)
    ]
    for session_id in ended:
        await store.end_session(session_id)
    await _note(store, principal, source_address, len(ended))
    return ended


def _check_person(principal: Principal) -> None:
    if principal.is_public:
        raise NotSignedIn


async def _note(store: UserStore, principal: Principal, source_address: str, count: int) -> None:
    user = await store.find_user(principal.user_id)
    if user is not None:
        actor = principal.actor(source_address)
        await audit(store, actor, user, "LOGOUT", clientAddress=source_address, sessions=count)
