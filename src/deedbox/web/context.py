"""What the pages are handed by `main`, and what a handler needs of a request."""

from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec
from litestar import Request
from litestar.datastructures import State

from deedbox.core.attribute_changes import AttributeChanges
from deedbox.core.claim_intents import ClaimPagePolicy
from deedbox.core.claim_requests import ClaimOutcome, ClaimRequest
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.rpc import Exchange
from deedbox.core.sessions import Authenticator
from deedbox.core.sign_ins import SignIns
from deedbox.core.storage import Storage
from deedbox.web.streams import PageStreams

WebRequest = Request[None, None, State]


class Step(StrEnum):
    """Where people are on their way to a device; the names are on the metrics."""

    SCANNED = "scanned"
    SIGNED_IN = "signed_in"
    SIGNED_UP = "signed_up"
    ASKED = "asked"
    SUCCEEDED = "succeeded"


def nobody_counts(_: Step) -> None:
    """Count nothing."""


class WebContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything behind the pages."""

    storage: Storage
    keys: KeyRing
    policy: ClaimPolicy
    page_policy: ClaimPagePolicy
    authenticator: Authenticator
    claim: Callable[[ClaimRequest], Awaitable[ClaimOutcome]]
    sign_ins: SignIns
    exchange: Exchange
    attribute_changes: AttributeChanges
    live: LiveChanges
    streams: PageStreams
    #: Hears of each step that somebody with a scanned label has made.
    count_step: Callable[[Step], None] = nobody_counts


def context_of(request: WebRequest) -> WebContext:
    """Return what `main` handed over."""
    context: WebContext = request.app.state.context
    return context


def source_address(request: WebRequest) -> str:
    """Return where the request came from; the outer application has applied `http.trusted_proxies`."""
    return request.client.host if request.client else ""


def is_encrypted(request: WebRequest) -> bool:
    """Tell whether the browser came over HTTPS."""
    return request.scope["scheme"] == "https"


async def field(request: WebRequest, name: str) -> str:
    """Return what a form's field says, "" when it is not there."""
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""
