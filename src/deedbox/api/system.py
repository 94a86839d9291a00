"""What clients ask of the deployment itself before they show anything: version, limits, the time."""

from typing import Any

import msgspec
from litestar import get

from deedbox import __version__
from deedbox.api.context import ApiRequest, context_of, principal_of
from deedbox.api.shapes.entities import Wire
from deedbox.core.permissions import Authority

TAGS = ["System"]


class SystemInfoShape(Wire):
    """Which program this is; `type` is the edition of the reference server whose API it speaks."""

    version: str = __version__
    artifact: str = "deedbox"
    name: str = "Deedbox"
    type: str = "CE"


class SystemParamsShape(Wire):
    """What user interfaces of the reference server ask for; what Deedbox does not have is off."""

    user_token_access_enabled: bool
    max_datapoints_limit: int
    allowed_dashboard_ids: list[str] = msgspec.field(default_factory=list)
    edges_support_enabled: bool = False
    has_repository: bool = False
    tbel_enabled: bool = False
    persist_device_state_to_telemetry: bool = False
    user_settings: dict[str, Any] = msgspec.field(default_factory=lambda: {"openedMenuSections": []})
    max_resource_size: int = 0
    mobile_qr_enabled: bool = False
    edqs_enabled: bool = False
    allow_key_filters_or_conditions: bool = True
    nulls_order_strategy: str = "nulls_last"


@get("/api/system/info", tags=TAGS, summary="Read which program this is")
async def get_info(request: ApiRequest) -> SystemInfoShape:
    """Return name and version."""
    await principal_of(request)
    return SystemInfoShape()


@get("/api/system/params", tags=TAGS, summary="Read what user interfaces need to know")
async def get_params(request: ApiRequest) -> SystemParamsShape:
    """Return what the deployment offers to the user who asks."""
    principal = await principal_of(request)
    return SystemParamsShape(
        user_token_access_enabled=principal.authority is not Authority.CUSTOMER_USER,
        max_datapoints_limit=context_of(request).reading_limits.most_points,
    )


@get("/api/dashboard/serverTime", tags=TAGS, summary="Read the server's time")
async def get_server_time(request: ApiRequest) -> int:
    """Return the time in milliseconds since 1970."""
    await principal_of(request)
    return context_of(request).storage.now_ms()


@get("/api/dashboard/maxDatapointsLimit", tags=TAGS, summary="Read how many points an answer may have")
async def get_most_points(request: ApiRequest) -> int:
    """Return how many points of time series one answer has at most."""
    await principal_of(request)
    return context_of(request).reading_limits.most_points
