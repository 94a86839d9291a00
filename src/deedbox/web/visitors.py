"""Who looks at a page: their session and the label that they scanned, both found by cookies."""

from uuid import UUID

from deedbox.core import claim_intents
from deedbox.core.claim_intents import ClaimIntent
from deedbox.core.errors import AccountNotActive, NotSignedIn, TokenExpired
from deedbox.core.permissions import Principal
from deedbox.web.context import WebRequest, context_of
from deedbox.web.cookies import CLAIM, SESSION, read_cookie


class SignInNeeded(Exception):
    """The page is for people who are signed in."""


class OnlyForOwners(Exception):
    """The page is for people of a customer; carries who asked."""

    def __init__(self, principal: Principal) -> None:
        super().__init__(principal.email)
        self.principal = principal


async def visitor(request: WebRequest) -> Principal | None:
    """Return who is signed in, None for a stranger."""
    token = read_cookie(request, SESSION)
    if not token:
        return None
    try:
        return await context_of(request).authenticator.authenticate(token)
    except (NotSignedIn, TokenExpired, AccountNotActive):
        return None


async def person(request: WebRequest) -> Principal:
    """Return who is signed in. Raises SignInNeeded, for visitors of public customers too."""
    principal = await visitor(request)
    if principal is None or principal.is_public:
        raise SignInNeeded
    return principal


async def owner(request: WebRequest) -> tuple[Principal, UUID]:
    """Return who is signed in, and their customer. Raises SignInNeeded, OnlyForOwners."""
    principal = await visitor(request)
    if principal is None:
        raise SignInNeeded
    if principal.customer_id is None:
        raise OnlyForOwners(principal)
    return principal, principal.customer_id


async def intent(request: WebRequest) -> ClaimIntent | None:
    """Return the label that the visitor scanned, None when there is none or it is too old."""
    token, context = read_cookie(request, CLAIM), context_of(request)
    if not token:
        return None
    return await context.storage.look(
        lambda stores: claim_intents.find(stores.claim_intents, context.keys, token)
    )
