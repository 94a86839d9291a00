"""Says who a sign-in token stands for; remembers what it found out until it is told to look again."""

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

import msgspec

from deedbox.core.accounts.api_keys import USE_NOTED_EVERY_MS, digest_of, is_api_key
from deedbox.core.errors import NotSignedIn
from deedbox.core.permissions import Principal
from deedbox.core.sessions import known_visitor
from deedbox.core.storage import Storage, Stores
from deedbox.security.tokens import SignInTokens

MOST_TOKENS = 20_000
#: Where other nodes end sessions, too, tokens are looked up anew after that time: while they can't tell,
_BELIEVED_UNTOLD_MS = 5_000
#: and while they can. What they tell is heard at once, but a message may get lost.
_BELIEVED_TOLD_MS = 30_000
_NO_KEY = "This API key is misspelt, expired, disabled or deleted."


class _Known(msgspec.Struct, frozen=True):
    principal: Principal
    looked_up_at: int
    expires_at: int


class SessionAuthenticator:
    """Keeps core's promise of an Authenticator. A token that is known costs a look into a dictionary."""

    def __init__(
        self,
        tokens: SignInTokens,
        storage: Storage,
        clock_ms: Callable[[], int],
        most_tokens: int = MOST_TOKENS,
    ) -> None:
        self._tokens = tokens
        self._storage = storage
        self._clock_ms = clock_ms
        self._most_tokens = most_tokens
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._tokens_of: dict[UUID, set[str]] = {}
        self._forgotten = 0
        self._watchers: list[Callable[[UUID | None], None]] = []
        self._tell: Callable[[UUID], None] = self.forget_here
        self._is_told: Callable[[], bool] = _is_never_told

    @property
    def known_tokens(self) -> int:
        """How many tokens are remembered, of MOST_TOKENS."""
        return len(self._known)

    async def authenticate(self, token: str) -> Principal:
        """Return who the token stands for. Raises TokenExpired, NotSignedIn."""
        known = self._known.get(token)
        if known is not None and self._clock_ms() < self._believed_until(known):
            self._known.move_to_end(token)
            return known.principal
        return await self._look_up(token)

    def forget(self, subject_id: UUID) -> None:
        """Look tokens up anew that belong to this session, user, customer or tenant, on every node."""
        self._tell(subject_id)

    def tell_by(self, tell: Callable[[UUID], None], is_told: Callable[[], bool]) -> None:
        """Have `tell` call `forget_here` on all nodes, this one too; `is_told` says whether others can."""
        self._tell, self._is_told = tell, is_told

    def forget_here(self, subject_id: UUID) -> None:
        """Look tokens up anew on this node."""
        self._forgotten += 1
        for token in list(self._tokens_of.get(subject_id, ())):
            self._drop(token)
        self._tell_watchers(subject_id)

    def forget_all_here(self) -> None:
        """Look all tokens up anew on this node: it may have missed what others told."""
        self._forgotten += 1
        self._known.clear()
        self._tokens_of.clear()
        self._tell_watchers(None)

    def watch(self, receive: Callable[[UUID | None], None]) -> None:
        """Call `receive` with each of these that is forgotten from now on, with None for all of them."""
        self._watchers.append(receive)

    def _tell_watchers(self, subject_id: UUID | None) -> None:
        for receive in self._watchers:
            receive(subject_id)

    def _believed_until(self, known: _Known) -> int:
        if not self._storage.is_shared:
            return known.expires_at
        believed_ms = _BELIEVED_TOLD_MS if self._is_told() else _BELIEVED_UNTOLD_MS
        return min(known.expires_at, known.looked_up_at + believed_ms)

    async def _look_up(self, token: str) -> Principal:
        self._drop(token)
        before = self._forgotten
        known = await (self._of_key(token) if is_api_key(token) else self._of_session(token))
        # What was read while somebody was forgotten may be what should be forgotten.
        if before == self._forgotten:
            self._keep(token, known)
        return known.principal

    async def _of_session(self, token: str) -> _Known:
        session_id, is_public, expires_at = self._tokens.read_access(token)
        looked_up_at = self._clock_ms()

        async def work(stores: Stores) -> Principal:
            return await known_visitor(stores.users, session_id, is_public)

        return _Known(await self._storage.look(work), looked_up_at, expires_at)

    async def _of_key(self, token: str) -> _Known:
        """Look a key up, and write down from time to time that it is used: it is believed no longer."""
        digest, now_ms = digest_of(token), self._clock_ms()
        if digest is None:
            raise NotSignedIn(_NO_KEY)
        holder = await self._storage.look(lambda it: it.api_keys.key_holder(digest))
        if holder is None:
            raise NotSignedIn(_NO_KEY)
        if now_ms - holder.last_used_at >= USE_NOTED_EVERY_MS:
            key_id = holder.principal.session_id
            await self._storage.write_beside(lambda it: it.api_keys.note_key_use(key_id, now_ms))
        until = now_ms + USE_NOTED_EVERY_MS
        return _Known(holder.principal, now_ms, min(until, holder.expires_at or until))

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


def _is_never_told() -> bool:
    return False
