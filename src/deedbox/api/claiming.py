"""Claim and reclaim: `/api/customer/device/{deviceName}/claim`."""

import hashlib
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote
from uuid import UUID

from litestar import Response, delete, post
from litestar.openapi.spec.example import Example
from litestar.params import Body, FromPath, HeaderParameter, QueryParameter

from deedbox.api.context import ApiContext, ApiRequest, context_of, principal_of, source_address
from deedbox.api.shapes.claiming import ClaimResultShape, ClaimShape
from deedbox.api.shapes.devices import device_shape
from deedbox.core import deeds
from deedbox.core.claim_requests import Answer, ClaimOutcome, ClaimRequest
from deedbox.core.customers import sub_customer
from deedbox.core.device_access import check_device
from deedbox.core.errors import InvalidValue, NotFound, TooManyAttempts
from deedbox.core.permissions import Operation, Principal, Resource, Target, check, check_somewhere
from deedbox.core.storage import Stores
from deedbox.core.windows import check_secret_key


class Wish(NamedTuple):
    """What somebody sent to claim a device; `device_name` as it stands in the path, percent-encoded."""

    device_name: str
    data: ClaimShape | None
    sub_customer_id: UUID | None
    idempotency_key: str | None
    source_address: str


async def claim_for(context: ApiContext, principal: Principal, wish: Wish) -> ClaimOutcome:
    """Claim for the principal; return an outcome that is SUCCESS, FAILURE or CLAIMED.

    Raises NotPermitted for whoever may not claim, NotFound for an unknown device or sub-customer,
    TooManyAttempts, and InvalidValue for a name or key that can't be one.
    """
    check(principal, Operation.CLAIM_DEVICES, Target(Resource.DEVICE, principal.tenant_id))
    name, secret_key = _name(wish.device_name), _secret_key(wish.data)
    customer_id, customer_title = await _new_owner(context, principal, wish.sub_customer_id)
    request = ClaimRequest(
        actor=principal.actor(wish.source_address),
        customer_id=customer_id,
        customer_title=customer_title,
        device_name=name,
        secret_key=secret_key,
        idempotency_digest=_idempotency_digest(wish.idempotency_key, principal, name, secret_key),
    )
    outcome = await context.claim(request)
    if outcome.answer is Answer.TOO_MANY_ATTEMPTS:
        raise TooManyAttempts(outcome.retry_after_ms)
    if outcome.answer is Answer.NOT_FOUND:
        raise NotFound
    return outcome


_KEY = Example(value={"secretKey": "value"})
_PATH = "/api/customer/device/{device_name:str}/claim"


@post(_PATH, status_code=200, tags=["Claiming"], summary="Claim a device")
async def claim_device(
    request: ApiRequest,
    device_name: FromPath[str],
    data: Annotated[ClaimShape | None, Body(examples=[_KEY])] = None,
    sub_customer_id: Annotated[UUID | None, QueryParameter(name="subCustomerId")] = None,
    idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
) -> Response[Any]:
    """Make the device yours by its name and secret key.

    200 with the device; 400 `"FAILURE"` when no open window has that key; 400 `"CLAIMED"` when the device has
    an owner; 404 for an unknown name; 429 with `Retry-After` after too many wrong keys.
    """
    principal = await principal_of(request)
    wish = Wish(device_name, data, sub_customer_id, idempotency_key, source_address(request))
    outcome = await claim_for(context_of(request), principal, wish)
    if outcome.device is None:
        # Quoted here: Litestar takes a text with this media type for JSON that is written already.
        return Response(f'"{outcome.answer}"', status_code=400, media_type="application/json")
    return Response(ClaimResultShape(device=device_shape(outcome.device)), status_code=200)


@delete(_PATH, status_code=200, tags=["Claiming"], summary="Reclaim a device")
async def reclaim_device(request: ApiRequest, device_name: FromPath[str]) -> None:
    """End the ownership of a device: by its owner, or by its tenant's administrators."""
    principal = await principal_of(request)
    check_somewhere(principal, Operation.RECLAIM, Resource.DEVICE)
    context, named = context_of(request), (principal.tenant_id, _name(device_name))
    actor = principal.actor(source_address(request))

    async def work(stores: Stores) -> UUID | None:
        state = (await stores.claims.lock_named_devices([named])).get(named)
        # Another customer's device is not there for it, whatever it may do: that is for `reclaim` to say.
        if state and principal.customer_id in (None, state.device.customer_id):
            await check_device(stores.claims, principal, Operation.RECLAIM, state.device)
        ended = await deeds.reclaim(stores.claims, state, actor, context.policy, context.keys)
        return state.device.id if state and ended else None

    device_id = await context.storage.write(work)
    if device_id is not None:
        await context.deed_closed(device_id)


def _name(device_name: str) -> str:
    # The path arrives as it was sent, so that a name may hold an encoded slash; decoded once, here.
    name = unquote(device_name)
    if not name.strip():
        raise InvalidValue("Parameter 'deviceName' can't be empty!", "/deviceName")
    return name


def _secret_key(data: ClaimShape | None) -> str:
    key = None if data is None else data.secret_key
    if isinstance(key, bool):
        return "true" if key else "false"
    return check_secret_key("" if key is None else str(key))


async def _new_owner(
    context: ApiContext, principal: Principal, sub_customer_id: UUID | None
) -> tuple[UUID, str]:
    """Return id and title of the customer that shall own the device.

    Raises NotFound for one that is neither the caller's nor below it.
    """
    customer_id = principal.customer_id
    if customer_id is None:
        raise NotFound
    if sub_customer_id in (None, customer_id):
        return customer_id, principal.customer_title
    found = await context.storage.look(
        lambda stores: sub_customer(stores.customers, principal.tenant_id, customer_id, sub_customer_id)
    )
    if found is None:
        raise NotFound("Requested sub-customer wasn't found!")
    return found.id, found.title


def _idempotency_digest(key: str | None, principal: Principal, name: str, secret_key: str) -> bytes | None:
    """Bind the key to user, path and body: used for anything else, it is another key."""
    if not key:
        return None
    parts = [principal.user_id.hex, name, repr(secret_key), key]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
