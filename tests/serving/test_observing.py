"""Requests are counted by route and refusals by code; a token in the address reaches neither."""

from typing import Any

import pytest

from deedbox.serving.observing import route_of
from tests.api.deployment import Deployment


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/secret/claim", "/api/v1/{token}/claim"),
        ("/api/v1/secret/attributes/updates", "/api/v1/{token}/attributes/updates"),
        ("/api/v1/secret/rpc/17", "/api/v1/{token}/rpc/{id}"),
        ("/api/v1/secret/other-secret", "/api/v1/{token}/other"),
        ("/api/v1/secret", "/api/v1/{token}/other"),
        ("/nothing/here", "other"),
    ],
)
def test_routes_hold_nothing_that_callers_chose(path: str, route: str) -> None:
    """Behaviour §6.6."""
    assert route_of({"path": path}) == route


def test_the_router_names_the_template() -> None:
    scope: dict[str, Any] = {"path": "/api/device/1", "path_template": "/api/device/{device_id}"}
    assert route_of(scope) == "/api/device/{device_id}"


async def test_refusals_and_requests_are_counted(deployment: Deployment) -> None:
    await deployment.refused(401, "", "GET", "/api/auth/user")
    text = (await deployment.call("", "GET", "/metrics")).text
    assert 'deedbox_refusals_total{code="not_signed_in"} 1.0' in text
    assert 'deedbox_http_requests_total{method="GET",route="/api/auth/user",status="401"} 1.0' in text


async def test_every_answer_has_a_request_id_of_its_own(deployment: Deployment) -> None:
    first, second = [await deployment.call("", "GET", "/api/auth/user") for _ in range(2)]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
