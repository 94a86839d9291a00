"""What the REST API is handed by `main`, and what a handler needs of a request."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from uuid import UUID

from litestar.connection import Request
from litestar.datastructures import State

from deedbox.api.rest_limits import RestLimits
from deedbox.core.accounts.api_keys import is_api_key
from deedbox.core.accounts.callers import Caller
from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.core.command_limits import CommandLimits
from deedbox.core.deed_ends import follow_deed_end
from deedbox.core.device_limits import DeviceLimits
from deedbox.core.errors import NotSignedIn
from deedbox.core.histories import ReadingLimits
from deedbox.core.import_files import ImportLimits
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.paging import PageMemory
from deedbox.core.permissions import Principal
from deedbox.core.rpc import Exchange
from deedbox.core.sessions import Authenticator
from deedbox.core.sign_ins import SignIns
from deedbox.core.storage import Storage

ApiRequest = Request[Principal, str, State]


async def _nothing_to_reload() -> None:
    pass


@dataclass(frozen=True)
class ApiContext:
    """Everything behind the API. `claim` is the batched claim: one request in, its outcome out."""

    storage: Storage
    keys: KeyRing
    policy: ClaimPolicy
    authenticator: Authenticator
    sign_ins: SignIns
    claim: Callable[[ClaimRequest], Awaitable[ClaimOutcome]]
    exchange: Exchange
    attribute_changes: AttributeChanges
    live: LiveChanges
    device_limits: DeviceLimits = field(default_factory=DeviceLimits)
    rest_limits: RestLimits | None = None
    #: To be called after a change of a tenant's limits, so that they count at once.
    reload_limits: Callable[[], Awaitable[None]] = _nothing_to_reload
    #: To be called after a change of a device profile, so that its devices are spoken with as it says.
    reload_manners: Callable[[], Awaitable[None]] = _nothing_to_reload
    reading_limits: ReadingLimits = field(default_factory=ReadingLimits)
    import_limits: ImportLimits = field(default_factory=ImportLimits)
    command_limits: CommandLimits = field(default_factory=CommandLimits)
    pages: PageMemory = field(default_factory=PageMemory)

    async def known(self, token: str) -> Principal:
        """Return who sent a request with this token. Raises NotSignedIn, TokenExpired, TooManyMessages."""
        principal = await self.authenticator.authenticate(token)
        if self.rest_limits is not None:
            self.rest_limits.count(principal)
        return principal

    def shared_attributes_changed(self, device_id: UUID, names: Collection[str]) -> None:
        """Tell the device, if it listens, which shared attributes changed or went; after the commit."""
        self.attribute_changes.tell(device_id, names)

    async def deed_closed(self, device_id: UUID) -> None:
        """Let all that hangs on a deed follow its end; to be called after the commit."""
        await follow_deed_end(device_id, self.storage, self.exchange, self.attribute_changes, self.live)


def context_of(request: ApiRequest) -> ApiContext:
    """Return what `main` handed over."""
    context: ApiContext = request.app.state.context
    return context


async def principal_of(request: ApiRequest) -> Principal:
    """Return who sent the request. Raises NotSignedIn, TokenExpired, TooManyMessages."""
    return await context_of(request).known(bearer_token(request))


def bearer_token(request: ApiRequest) -> str:
    """Return the token or API key of `X-Authorization` or `Authorization`. Raises NotSignedIn without one."""
    header = request.headers.get("x-authorization") or request.headers.get("authorization") or ""
    scheme, _, rest = header.partition(" ")
    token = rest.strip()
    if scheme.lower() == "bearer" and token:
        return token
    if scheme.lower() == "apikey" and is_api_key(token):
        return token
    raise NotSignedIn


def caller_of(request: ApiRequest) -> Caller:
    """Return who calls, before it is known who it is."""
    return Caller(source_address(request), request.headers.get("user-agent", ""))


def source_address(request: ApiRequest) -> str:
    """Return where the request came from; the outer application has applied `http.trusted_proxies`."""
    return request.client.host if request.client else ""
