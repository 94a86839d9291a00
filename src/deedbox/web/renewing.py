"""Stands behind the guard: continues a session whose sign-in token ran out, so that nobody is thrown out."""

import asyncio
from typing import Any

from litestar.datastructures import Cookie
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from deedbox.core.errors import (
    AccountNotActive,
    NotSignedIn,
    StorageUnavailable,
    TokenExpired,
    TooManyAttempts,
)
from deedbox.core.sessions import Authenticator
from deedbox.core.sign_ins import SignIns
from deedbox.core.tokens import TokenPair
from deedbox.web.cookies import REFRESH, SESSION, full_name
from deedbox.web.sessions import no_session_cookies, session_cookies

#: A refresh token works once, but two tabs ask at the same time, and answers get lost on the way to a phone.
#: For so long a token that was just used is answered with what it gave.
GRACE_S = 60.0
_FILES = "/d/assets/"
_OVER = (NotSignedIn, TokenExpired, AccountNotActive)


class Renewals:
    """Exchanges refresh tokens; the same one, sent again within the grace, gets the same answer."""

    def __init__(self, sign_ins: SignIns, grace_s: float = GRACE_S) -> None:
        self._sign_ins = sign_ins
        self._grace_s = grace_s
        self._recent: dict[str, asyncio.Task[TokenPair]] = {}

    async def renew(self, refresh_token: str, source_address: str) -> TokenPair:
        """Return the next pair of tokens. Raises what `SignIns.by_refresh_token` raises."""
        task = self._recent.get(refresh_token)
        if task is None:
            task = asyncio.create_task(self._sign_ins.by_refresh_token(refresh_token, source_address))
            self._recent[refresh_token] = task
            asyncio.get_running_loop().call_later(self._grace_s, self._forget, refresh_token, task)
        try:
            # Who waits may leave; the exchange is done nevertheless, and others wait for it, too.
            return await asyncio.shield(task)
        except (TooManyAttempts, StorageUnavailable):
            self._forget(refresh_token, task)
            raise

    def _forget(self, refresh_token: str, task: asyncio.Task[TokenPair]) -> None:
        if self._recent.get(refresh_token) is task:
            del self._recent[refresh_token]


def renewing(application: ASGIApp, sign_ins: SignIns, authenticator: Authenticator) -> ASGIApp:
    """Return the application behind the renewal: it sees the session as if it had never run out."""
    renewals = Renewals(sign_ins)

    async def renew(scope: Scope, receive: Receive, send: Send) -> None:
        encrypted, cookies = scope["scheme"] == "https", _cookies(scope)
        refresh_token = cookies.get(full_name(REFRESH, encrypted), "")
        session = cookies.get(full_name(SESSION, encrypted), "")
        is_needed = refresh_token and not scope["path"].startswith(_FILES)
        try:
            if is_needed and not await _works(authenticator, session):
                pair = await renewals.renew(refresh_token, (scope["client"] or ("",))[0])
                scope = _with_cookie(scope, cookies, full_name(SESSION, encrypted), pair.token)
                send = _setting(send, session_cookies(pair, sign_ins.policy, encrypted))
        except _OVER:
            send = _setting(send, no_session_cookies(encrypted))
        except (TooManyAttempts, StorageUnavailable):
            pass  # the page says what is the matter; the session may go on with the next request
        await application(scope, receive, send)

    return renew


async def _works(authenticator: Authenticator, token: str) -> bool:
    if not token:
        return False
    try:
        await authenticator.authenticate(token)
    except _OVER:
        return False
    return True


def _cookies(scope: Any) -> dict[str, str]:
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
    pairs = [part.strip().partition("=") for line in lines for part in line.split(";")]
    return {name: value for name, _, value in pairs if name}


def _with_cookie(scope: Any, cookies: dict[str, str], name: str, value: str) -> Any:
    line = "; ".join(f"{key}={text}" for key, text in (cookies | {name: value}).items())
    others = [it for it in scope["headers"] if it[0] != b"cookie"]
    return scope | {"headers": [*others, (b"cookie", line.encode("latin-1"))]}


def _setting(send: Send, cookies: list[Cookie]) -> Send:
    """Return a `send` that sets these cookies, but for those that the page sets itself."""

    async def send_with_cookies(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            own = {value.partition(b"=")[0].decode() for name, value in headers if name == b"set-cookie"}
            added = [it.to_encoded_header() for it in cookies if it.key not in own]
            message["headers"] = [*headers, *added]
        await send(message)

    return send_with_cookies
