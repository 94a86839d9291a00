"""What a device is told when it asks for `getSessionLimits`, in the words of the reference server."""

from typing import Any

from deedbox.core.limits_in_force import LimitsInForce
from deedbox.core.rates import Kind, Whose

METHOD = "getSessionLimits"
_KINDS = {
    "messages": Kind.MESSAGES,
    "telemetryMessages": Kind.TELEMETRY_MESSAGES,
    "telemetryDataPoints": Kind.TELEMETRY_DATA_POINTS,
}


def session_limits(
    limits: LimitsInForce, largest_payload_bytes: int, most_inflight: int, *, is_gateway: bool = False
) -> dict[str, Any]:
    """Return the answer; the two numbers are what the transport holds all devices to."""
    answer: dict[str, Any] = {
        "maxPayloadSize": min(largest_payload_bytes, limits.payload_bytes or largest_payload_bytes),
        "maxInflightMessages": min(most_inflight, limits.inflight or most_inflight),
        "rateLimits": _rates(limits, Whose.GATEWAY_DEVICE if is_gateway else Whose.DEVICE),
    }
    if is_gateway:
        answer["gatewayRateLimits"] = _rates(limits, Whose.GATEWAY)
    return answer


def _rates(limits: LimitsInForce, whose: Whose) -> dict[str, str]:
    return {name: _told(getattr(limits, f"{whose}_{kind}")) for name, kind in _KINDS.items()}


def _told(limit: str) -> str:
    # With a comma at the end, as the reference server writes it.
    return f"{limit}," if limit else ""
