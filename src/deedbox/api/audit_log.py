"""The audit log, for administrators: who did what, and which claims were refused."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter

from deedbox.api.context import ApiRequest, principal_of
from deedbox.api.paging import page_of
from deedbox.api.shapes.audit_log import AuditEntryShape, audit_entry_shape
from deedbox.api.shapes.entities import Page
from deedbox.core.audit_log import AuditFilter, actions_of
from deedbox.core.errors import InvalidValue
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.permissions import Operation, Resource, Target, check
from deedbox.core.records import AuditEntry
from deedbox.core.storage import Stores

TAGS = ["Audit log"]
_END_OF_TIME_MS = (1 << 48) - 1


@dataclass(frozen=True)
class Period:
    """Which part of the log a request asks for; times are epoch milliseconds."""

    start_ms: int
    end_ms: int
    actions: frozenset[str]


def period_parameters(
    start_time: Annotated[
        int | None, QueryParameter(name="startTime", description="From then, epoch milliseconds.")
    ] = None,
    end_time: Annotated[
        int | None, QueryParameter(name="endTime", description="Until then, epoch milliseconds.")
    ] = None,
    action_types: Annotated[
        str, QueryParameter(name="actionTypes", description="Actions with commas between; none: all.")
    ] = "",
) -> Period:
    """Return the part of the log that a request asks for: the dependency `period` of these lists."""
    start_ms, end_ms = start_time or 0, _END_OF_TIME_MS if end_time is None else end_time
    if not 0 <= start_ms <= end_ms <= _END_OF_TIME_MS:
        raise InvalidValue("startTime must be before endTime, both in epoch milliseconds.", "/startTime")
    return Period(start_ms, end_ms, actions_of(action_types))


_PERIOD = {"period": Provide(period_parameters, sync_to_thread=False)}


@get("/api/audit/logs", dependencies=_PERIOD, tags=TAGS, summary="Read the audit log")
async def list_entries(
    request: ApiRequest, wanted: NamedDependency[PageRequest], period: NamedDependency[Period]
) -> Page[AuditEntryShape]:
    """Return a page of your tenant's audit log, the newest first unless `sortOrder` is ASC.

    Refused claims are there as `CLAIM_DEVICE` with `actionStatus` FAILURE and the reason, refused offers of
    devices as `ANNOUNCE_DEVICE`.
    """
    return await _page(request, wanted, period)


@get(
    "/api/audit/logs/entity/{entity_type:str}/{entity_id:str}",
    dependencies=_PERIOD,
    tags=TAGS,
    summary="Read the audit log of one thing",
)
async def list_entries_of_entity(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    period: NamedDependency[Period],
    entity_type: FromPath[str],
    entity_id: FromPath[UUID],
) -> Page[AuditEntryShape]:
    """Return a page of what happened to one thing of your tenant, also when it is deleted by now."""
    return await _page(request, wanted, period, entity=(entity_type.upper(), entity_id))


@get(
    "/api/audit/logs/customer/{customer_id:str}",
    dependencies=_PERIOD,
    tags=TAGS,
    summary="Read the audit log of a customer",
)
async def list_entries_of_customer(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    period: NamedDependency[Period],
    customer_id: FromPath[UUID],
) -> Page[AuditEntryShape]:
    """Return a page of what a customer's users did and what happened to what it owns."""
    return await _page(request, wanted, period, customer_id=customer_id)


@get(
    "/api/audit/logs/user/{user_id:str}",
    dependencies=_PERIOD,
    tags=TAGS,
    summary="Read the audit log of a user",
)
async def list_entries_of_user(
    request: ApiRequest,
    wanted: NamedDependency[PageRequest],
    period: NamedDependency[Period],
    user_id: FromPath[UUID],
) -> Page[AuditEntryShape]:
    """Return a page of what a user did."""
    return await _page(request, wanted, period, user_id=user_id)


async def _page(
    request: ApiRequest, wanted: PageRequest, period: Period, **about: Any
) -> Page[AuditEntryShape]:
    principal = await principal_of(request)
    check(principal, Operation.READ, Target(Resource.AUDIT_LOG, principal.tenant_id))
    entries = AuditFilter(principal.tenant_id, period.start_ms, period.end_ms, period.actions, **about)
    if "sortOrder" not in request.query_params:
        wanted = msgspec.structs.replace(wanted, descending=True)

    async def work(stores: Stores, asked: PageSlice) -> Listing[AuditEntry]:
        return await stores.audit_log.page_of_entries(entries, asked)

    return await page_of(request, principal, wanted, work, audit_entry_shape)
