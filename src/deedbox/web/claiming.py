"""Confirm and claim: people see what will belong to whom, and say yes once. No GET ever claims."""

import hashlib
from typing import Any

from litestar import Response, get, post

from deedbox.core.claim_intents import ClaimIntent
from deedbox.core.claim_pages import Maker
from deedbox.core.claim_requests import Answer, ClaimOutcome, ClaimRequest
from deedbox.core.owned_devices import OwnedDevice
from deedbox.core.permissions import Operation, Principal, Resource, Target, check
from deedbox.web.context import Step, WebRequest, context_of, source_address
from deedbox.web.cookies import CLAIM, read_cookie
from deedbox.web.pages import go_to, page, retry_after_s
from deedbox.web.signing_in import sign_in_form
from deedbox.web.visitors import intent, visitor

_STATUSES = {Answer.CLAIMED: 409, Answer.TOO_MANY_ATTEMPTS: 429}


@get("/d/add")
async def confirm(request: WebRequest) -> Response[Any]:
    """Show what will be added and to which account; first let strangers sign in."""
    wanted, principal = await intent(request), await visitor(request)
    if wanted is None:
        return page(request, "forgotten.html", principal, 404)
    if principal is None:
        return await sign_in_form(request, wanted)
    mine = await _mine(request, principal, wanted)
    if mine is not None:
        return go_to(f"/d/devices/{mine.id}")
    return await _confirm(request, principal, wanted)


@post("/d/claim", status_code=303)
async def claim(request: WebRequest) -> Response[Any]:
    """Claim the device of the scanned label. A second tap lands on the device's page like the first."""
    wanted, principal = await intent(request), await visitor(request)
    if wanted is None or principal is None:
        return go_to("/d/add")
    if principal.customer_id is None or principal.tenant_id != wanted.tenant_id:
        return await _confirm(request, principal, wanted)
    check(principal, Operation.CLAIM_DEVICES, Target(Resource.DEVICE, principal.tenant_id))
    context = context_of(request)
    context.count_step(Step.ASKED)
    outcome = await context.claim(_wish(request, principal, wanted))
    if outcome.device is not None:
        context.count_step(Step.SUCCEEDED)
        return go_to(f"/d/devices/{outcome.device.id}?added=1")
    mine = await _mine(request, principal, wanted)
    if mine is not None:
        return go_to(f"/d/devices/{mine.id}")
    return await _failed(request, principal, wanted, outcome)


def _wish(request: WebRequest, principal: Principal, wanted: ClaimIntent) -> ClaimRequest:
    label, customer_id = wanted.label, principal.customer_id
    if customer_id is None:
        raise AssertionError("only people of a customer get here")
    parts = [principal.user_id.hex, label.device_name, label.secret_key, read_cookie(request, CLAIM)]
    return ClaimRequest(
        actor=principal.actor(source_address(request)),
        customer_id=customer_id,
        customer_title=principal.customer_title,
        device_name=label.device_name,
        secret_key=label.secret_key,
        idempotency_digest=hashlib.sha256("\0".join(parts).encode()).digest(),
    )


async def _confirm(request: WebRequest, principal: Principal, wanted: ClaimIntent) -> Response[str]:
    values: dict[str, Any] = {"intent": wanted, "maker": await _maker(request, wanted)}
    if principal.tenant_id != wanted.tenant_id and principal.customer_id is not None:
        return page(request, "other_maker.html", principal, 409, **values)
    if principal.customer_id is None:
        return page(request, "not_customer.html", principal, 403, **values)
    return page(request, "confirm.html", principal, **values)


async def _failed(
    request: WebRequest, principal: Principal, wanted: ClaimIntent, outcome: ClaimOutcome
) -> Response[str]:
    maker = await _maker(request, wanted)
    # Unknown name, wrong key and no window look the same here, whatever `claim.answers` says.
    values = {"intent": wanted, "maker": maker, "outcome": outcome, "wait_ms": outcome.retry_after_ms}
    status = _STATUSES.get(outcome.answer, 404)
    answer = page(request, "failed.html", principal, status, **values)
    if outcome.answer is Answer.TOO_MANY_ATTEMPTS:
        answer.headers["Retry-After"] = retry_after_s(outcome.retry_after_ms)
    return answer


async def _maker(request: WebRequest, wanted: ClaimIntent) -> Maker | None:
    tenant_id = wanted.tenant_id
    return await context_of(request).storage.look(lambda it: it.claim_pages.maker_by_id(tenant_id))


async def _mine(request: WebRequest, principal: Principal, wanted: ClaimIntent) -> OwnedDevice | None:
    """Return the label's device if the visitor's customer owns it already."""
    customer_id = principal.customer_id
    if customer_id is None or principal.tenant_id != wanted.tenant_id:
        return None
    tenant_id, name = wanted.tenant_id, wanted.label.device_name
    return await context_of(request).storage.look(
        lambda it: it.owned_devices.owned_device_named(tenant_id, customer_id, name)
    )
