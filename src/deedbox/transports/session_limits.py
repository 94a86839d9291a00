"""What a device is told when it asks for `getSessionLimits`, in the words of the reference server."""

from typing import Any

from deedbox.core.device_limits import DeviceLimits

METHOD = "getSessionLimits"


def session_limits(
    limits: DeviceLimits, largest_payload_bytes: int, most_inflight: int, *, is_gateway: bool = False
) -> dict[str, Any]:
    """Return the answer; the two numbers are what the device's transport holds it to."""
    answer: dict[str, Any] = {
        "maxPayloadSize": largest_payload_bytes,
        "maxInflightMessages": most_inflight,
        "rateLimits": {
            "messages": _told(limits.device_messages),
            "telemetryMessages": _told(limits.device_telemetry_messages),
            "telemetryDataPoints": _told(limits.device_telemetry_data_points),
        },
    }
    if is_gateway:
        # What is behind a gateway shares the tenant's limits; each device has its own beside.
        answer["gatewayRateLimits"] = {
            "messages": _told(limits.tenant_messages),
            "telemetryMessages": _told(limits.tenant_telemetry_messages),
            "telemetryDataPoints": _told(limits.tenant_telemetry_data_points),
        }
    return answer


def _told(limit: str) -> str:
    # With a comma at the end, as the reference server writes it.
    return f"{limit}," if limit else ""
