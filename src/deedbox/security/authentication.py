"""Says who a sign-in token stands for; remembers what it found out until it is told to look again."""

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

import msgspec

from deedbox.core.permissions import Principal
from deedbox.core.sessions import known_visitor
from deedbox.core.storage import Storage, Stores
from deedbox.security.tokens import SignInTokens

_MOST_TOKENS = 20_000
#: Where other nodes end sessions, too, and this one is not told, tokens are looked up anew after that time.
_BELIEVED_FOR_MS = 5_000


class _Known(msgspec.Struct, frozen=True):
    principal: Principal
    believed_until: int


class SessionAuthenticator:
    """Keeps core's promise of an Authenticator. A token that is known costs a look into a dictionary."""

    def __init__(
        self,
        tokens: SignInTokens,
        storage: Storage,
        clock_ms: Callable[[], int],
        most_tokens: int = _MOST_TOKENS,
    ) -> None:
        self._tokens = tokens
        self._storage = storage
        self._clock_ms = clock_ms
        self._most_tokens = most_tokens
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._tokens_of: dict[UUID, set[str]] = {}
        self._forgotten = 0
        self._watchers: list[Callable[[UUID], None]] = []

    async def authenticate(self, token: str) -> Principal:
        """Return who the token stands for. Raises TokenExpired, NotSignedIn."""
        known = self._known.get(token)
        if known is not None and self._clock_ms() < known.believed_until:
            self._known.move_to_end(token)
            return known.principal
        return await self._look_up(token)

    def forget(self, subject_id: UUID) -> None:
        """Look tokens up anew that belong to this session, user, customer or tenant."""
        self._forgotten += 1
        for token in list(self._tokens_of.get(subject_id, ())):
            self._drop(token)
        for receive in self._watchers:
            receive(subject_id)

    def watch(self, receive: Callable[[UUID], None]) -> None:
        """Call `receive` with each session, user, customer or tenant that is forgotten from now on."""
        self._watchers.append(receive)

    async def _look_up(self, token: str) -> Principal:
        self._drop(token)
        session_id, is_public, expires_at = self._tokens.read_access(token)
        before = self._forgotten

        async def work(stores: Stores) -> Principal:
            return await known_visitor(stores.users, session_id, is_public)

        principal = await self._storage.look(work)
        until = expires_at
        if self._storage.is_shared:
            until = min(expires_at, self._clock_ms() + _BELIEVED_FOR_MS)
        # What was read while somebody was forgotten may be what should be forgotten.
        if before == self._forgotten:
            self._keep(token, _Known(principal, until))
        return principal

    def _keep(self, token: str, known: _Known) -> None:
        self._known[token] = known
        for subject_id in known.principal.subjects:
            self._tokens_of.setdefault(subject_id, set()).add(token)
        if len(self._known) > self._most_tokens:
            self._drop(next(iter(self._known)))

    def _drop(self, token: str) -> None:
        known = self._known.pop(token, None)
        for subject_id in known.principal.subjects if known else ():
            tokens = self._tokens_of.get(subject_id, set())
            tokens.discard(token)
            if not tokens:
                self._tokens_of.pop(subject_id, None)
