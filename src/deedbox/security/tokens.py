"""Sign-in tokens: JSON web tokens (HS512), signed with the newest generation of the key ring."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import jwt

from deedbox.core.errors import NotSignedIn, TokenExpired
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing
from deedbox.core.permissions import Authority, Principal
from deedbox.core.sessions import Session
from deedbox.core.sign_in import SignInPolicy
from deedbox.core.tokens import RefreshClaims, TokenPair
from deedbox.core.users import User

ALGORITHM = "HS512"
ISSUER = "deedbox"
REFRESH_SCOPE = "REFRESH_TOKEN"
LONGEST_TOKEN = 4096

_ALL_CLAIMS = ["exp", "iat", "iss", "sub", "sessionId", "scopes"]
# Expiry is checked here, against the same clock as everything else.
_OPTIONS: Any = {"require": _ALL_CLAIMS, "verify_exp": False, "verify_iat": False, "verify_aud": False}


class SignInTokens:
    """Signs and reads tokens; `clock_ms` returns epoch milliseconds."""

    def __init__(self, keys: KeyRing, policy: SignInPolicy, clock_ms: Callable[[], int]) -> None:
        self._keys = keys
        self._policy = policy
        self._clock_ms = clock_ms

    def issue(self, user: User, session: Session) -> TokenPair:
        """Return tokens for a session of this user."""
        names = {"firstName": user.first_name, "lastName": user.last_name, "enabled": user.enabled}
        access = names | {
            "sub": user.email,
            "userId": str(user.id),
            "scopes": [str(user.authority)],
            "isPublic": False,
            "tenantId": str(user.tenant_id),
            "customerId": str(user.customer_id or NULL_ID),
        }
        return self._pair(access, session.id, session.refresh_id)

    def issue_public(self, visitor: Principal) -> TokenPair:
        """Return tokens for anybody who knows a public customer."""
        access = {
            "sub": visitor.email,
            "userId": str(visitor.user_id),
            "scopes": [str(Authority.CUSTOMER_USER)],
            "firstName": None,
            "lastName": "Public",
            "enabled": True,
            "isPublic": True,
            "tenantId": str(visitor.tenant_id),
            "customerId": str(visitor.customer_id),
        }
        return self._pair(access, visitor.session_id, "public")

    def read_access(self, token: str) -> tuple[UUID, bool, int]:
        """Return session id, whether it is a public customer's, and expiry (epoch ms).

        Raises TokenExpired, NotSignedIn.
        """
        claims = self._claims(token)
        if REFRESH_SCOPE in claims["scopes"]:
            raise NotSignedIn
        return UUID(claims["sessionId"]), claims.get("isPublic") is True, claims["exp"] * 1000

    def read_refresh(self, token: str) -> RefreshClaims:
        """Return what a refresh token says. Raises TokenExpired, NotSignedIn."""
        claims = self._claims(token)
        if claims["scopes"] != [REFRESH_SCOPE] or not isinstance(claims.get("jti"), str):
            raise NotSignedIn
        return RefreshClaims(UUID(claims["sessionId"]), claims["jti"], claims.get("isPublic") is True)

    def _pair(self, access: Mapping[str, Any], session_id: UUID, refresh_id: str) -> TokenPair:
        issued_at_s = self._clock_ms() // 1000
        common = {"sessionId": str(session_id), "iss": ISSUER, "iat": issued_at_s}
        refresh = {name: access[name] for name in ("sub", "userId", "isPublic")}
        refresh |= {"scopes": [REFRESH_SCOPE], "jti": refresh_id}
        return TokenPair(
            self._sign({**access, **common, "exp": issued_at_s + self._policy.access_token_s}),
            self._sign({**refresh, **common, "exp": issued_at_s + self._policy.refresh_token_s}),
        )

    def _sign(self, claims: dict[str, Any]) -> str:
        generation = self._keys.newest
        return jwt.encode(claims, self._key(str(generation)), ALGORITHM, headers={"kid": str(generation)})

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN:
            raise NotSignedIn
        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], issuer=ISSUER, options=_OPTIONS
            )
        except (jwt.PyJWTError, UnicodeError) as error:
            raise NotSignedIn from error
        if claims["exp"] * 1000 <= self._clock_ms():
            raise TokenExpired
        return claims

    def _key(self, key_id: object) -> bytes:
        """Return the key that a token names, as long as HS512's digest. Raises NotSignedIn."""
        known = isinstance(key_id, str) and key_id.isascii() and key_id.isdigit() and len(key_id) <= 3
        signing = self._keys.signing_key(int(str(key_id))) if known else None
        if signing is None:
            raise NotSignedIn
        return hashlib.blake2b(signing, digest_size=64, person=b"sign-in tokens").digest()
