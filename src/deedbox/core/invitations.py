"""Links by which people set a password: an invitation activates a new user, a reset link replaces a password.

A link works once, until it expires, and is found by a keyed digest of its token. Only an invitation is kept
readable as well (encrypted), so that whoever invited can show it again.
"""

import base64
from uuid import UUID

from deedbox.core.accounts.callers import Caller
from deedbox.core.accounts.notices import Notices
from deedbox.core.errors import AccountNotActive, InvalidValue, Refusal
from deedbox.core.keys import KeyRing
from deedbox.core.records import Actor
from deedbox.core.sign_in import SignedIn, SignInPolicy, start_session
from deedbox.core.users import Account, Link, StoredLink, User, UserStore, actor_of, audit

_ACTIVATION = b"activation"
_RESET = b"reset"
_NONCE_BYTES = 12
_TOKEN_BYTES = 24
_LONGEST_TOKEN = 100


async def invite(store: UserStore, keys: KeyRing, policy: SignInPolicy, user: User) -> Link:
    """Make a new activation link for a user without a password."""
    link = _new_link(store, await store.now_ms() + policy.activation_link_s * 1000)
    sealed = keys.encrypt(link.token, user.id.bytes, store.random_bytes(_NONCE_BYTES))
    digest = keys.lookup_digests(_ACTIVATION, link.token)[0]
    await store.set_activation(user.id, StoredLink(digest, link.expires_at, sealed))
    return link


async def invitation(store: UserStore, keys: KeyRing, policy: SignInPolicy, actor: Actor, user: User) -> Link:
    """Return a user's activation link, a new one if it has expired. Raises InvalidValue once activated."""
    if user.activated:
        raise InvalidValue("User is already activated!")
    await audit(store, actor, user, "CREDENTIALS_READ", credentials="activation link")
    stored = await store.activation_of(user.id)
    if stored is not None and stored.ciphertext and stored.expires_at > await store.now_ms():
        try:
            return Link(keys.decrypt(stored.ciphertext, user.id.bytes), stored.expires_at)
        except ValueError:
            pass  # its key was removed from the key file: the link would not be found either
    return await invite(store, keys, policy, user)


def renewed(ciphertext: bytes, keys: KeyRing, user_id: UUID, nonce: bytes) -> tuple[bytes, bytes]:
    """Return digest and ciphertext of the same invitation under the newest key generation.

    Raises ValueError when the key file does not open it.
    """
    token = keys.decrypt(ciphertext, user_id.bytes)
    return keys.lookup_digests(_ACTIVATION, token)[0], keys.encrypt(token, user_id.bytes, nonce)


async def find_activation(store: UserStore, keys: KeyRing, token: str) -> Account | Refusal:
    """Return whom an activation link is for."""
    found = await store.find_by_activation(_digests(keys, _ACTIVATION, token))
    return await _unexpired(store, found, "activation", "/activateToken")


async def activate(
    store: UserStore,
    keys: KeyRing,
    policy: SignInPolicy,
    token: str,
    password_hash: str,
    caller: Caller,
) -> SignedIn | Refusal:
    """Set the first password and sign the user in; the link works no more."""
    account = await find_activation(store, keys, token)
    if isinstance(account, Refusal):
        return account
    if not account.user.enabled:
        return AccountNotActive()
    await store.set_password(account.user.id, password_hash)
    return await start_session(store, account.user, policy, caller)


async def reset_link(store: UserStore, keys: KeyRing, policy: SignInPolicy, actor: Actor, user: User) -> Link:
    """Make a link that resets a user's password. Raises InvalidValue when it has none yet."""
    if not user.activated:
        raise InvalidValue("This user has no password yet. Show its activation link instead.")
    link = await new_reset_link(store, keys, policy, user.id)
    await audit(store, actor, user, "CREDENTIALS_READ", credentials="reset link")
    return link


async def new_reset_link(store: UserStore, keys: KeyRing, policy: SignInPolicy, user_id: UUID) -> Link:
    """Make a link that resets a user's password; the one before works no more."""
    link = _new_link(store, await store.now_ms() + policy.reset_link_s * 1000)
    digest = keys.lookup_digests(_RESET, link.token)[0]
    await store.set_reset(user_id, StoredLink(digest, link.expires_at))
    return link


async def find_reset(store: UserStore, keys: KeyRing, token: str) -> Account | Refusal:
    """Return whose password a link resets."""
    found = await store.find_by_reset(_digests(keys, _RESET, token))
    return await _unexpired(store, found, "reset", "/resetToken")


async def reset_password(
    store: UserStore, notices: Notices, keys: KeyRing, token: str, password_hash: str, source_address: str
) -> User | Refusal:
    """Set a new password; all sessions end, the link works no more."""
    account = await find_reset(store, keys, token)
    if isinstance(account, Refusal):
        return account
    await replace_password(store, notices, account.user, password_hash, source_address)
    return account.user


async def note_reset_wish(store: UserStore, account: Account | None, source_address: str) -> None:
    """Let the user's administrators see that somebody asked to reset this password."""
    if account is not None:
        user = account.user
        await audit(store, actor_of(user, source_address), user, "PASSWORD_RESET_REQUESTED")


async def replace_password(
    store: UserStore, notices: Notices, user: User, password_hash: str, source_address: str
) -> None:
    """Set a password, end all sessions of the user, and tell them by mail."""
    await store.set_password(user.id, password_hash)
    await store.end_sessions(user.id)
    await notices.password_changed(store, user, source_address)
    await audit(store, actor_of(user, source_address), user, "CREDENTIALS_UPDATED", credentials="password")


def _new_link(store: UserStore, expires_at: int) -> Link:
    token = base64.urlsafe_b64encode(store.random_bytes(_TOKEN_BYTES)).decode()
    return Link(token, expires_at)


def _digests(keys: KeyRing, purpose: bytes, token: str) -> tuple[bytes, ...]:
    return keys.lookup_digests(purpose, token[:_LONGEST_TOKEN])


async def _unexpired(
    store: UserStore, found: tuple[Account, int] | None, noun: str, pointer: str
) -> Account | Refusal:
    if found is None:
        return InvalidValue(
            f"This {noun} link is unknown or was used. Ask your administrator for a new one.", pointer
        )
    account, expires_at = found
    if expires_at <= await store.now_ms():
        return InvalidValue(f"This {noun} link has expired. Ask your administrator for a new one.", pointer)
    return account
