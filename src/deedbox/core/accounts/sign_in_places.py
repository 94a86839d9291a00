"""Which budgets a sign-in spends from: those of a browser or network that the account knows, or all others'.

A stranger's wrong passwords are counted for the stranger's network, and for all strangers to the account
together. So many networks at once don't help a guesser, and whoever comes from where the account has been
before has a budget that strangers can't spend (OWASP's device cookies). Accounts that do not exist are
counted in the same way.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core import attempts
from deedbox.core.accounts.callers import Caller, device_nonce
from deedbox.core.attempts import Budget
from deedbox.core.emails import canonical
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing
from deedbox.core.sign_in import Reservation, SignInPolicy, spend
from deedbox.core.users import UserStore

_SIGN_IN = b"sign-in"
_ACCOUNT = b"sign-in account"
_BROWSER = b"sign-in browser"
_HOUR_MS = 3_600_000


class Place(msgspec.Struct, frozen=True):
    """Where somebody signs in from, as the account sees it."""

    budgets: Sequence[Budget]
    is_familiar: bool


async def place_of(
    store: UserStore, keys: KeyRing, policy: SignInPolicy, who: tuple[UUID | None, str], caller: Caller
) -> Place:
    """Return the place of a sign-in; `who` is the user's id, None for nobody's, and the address typed."""
    user_id, email = who
    nonce = device_nonce(keys, user_id, caller.device)
    if nonce is not None:
        scope = attempts.address_scope(_BROWSER, nonce.hex())
        return Place([Budget(scope, policy.attempts_per_device, policy.attempts_window_s * 1000)], True)
    near = policy.budget(_SIGN_IN, caller.network)
    if await store.has_session_from(user_id or NULL_ID, caller.network):
        return Place([near], True)
    typed = canonical(email).encode("utf-8", "replace").decode()
    of_account = attempts.address_scope(_ACCOUNT, typed)
    return Place([near, Budget(of_account, policy.attempts_per_account, _HOUR_MS)], False)


async def reserve_sign_in(
    store: UserStore, keys: KeyRing, policy: SignInPolicy, email: str, caller: Caller
) -> Reservation:
    """Take an attempt before the password is compared. Raises TooManyAttempts when none is left."""
    account = await store.find_account(canonical(email))
    place = await place_of(store, keys, policy, (account.user.id if account else None, email), caller)
    spent_at = await spend(store, place.budgets)
    return Reservation(account, place.budgets, spent_at, place.is_familiar)
