"""Many wrong keys: what the operator sees of them in metrics and log, and what a claimer sees (nothing)."""

from pathlib import Path

import structlog

from deedbox.core.ownership import ClaimPolicy
from tests.api.deployment import copy_of, opened_deployment

CLAIM = "/api/customer/device/lamp/claim"


async def test_an_alarm_is_counted_and_logged_and_refuses_nobody(
    template_folder: Path, tmp_path: Path
) -> None:
    """Behaviour §6.1, §6.6: one line and one count per window, no key and no name in either."""
    policy = ClaimPolicy(alarm_per_tenant=2, alarm_per_deployment=3, attempts_window_s=86_400)
    folder = copy_of(template_folder, tmp_path / "data")
    async with opened_deployment(folder, claim=policy) as deployment:
        with structlog.testing.capture_logs() as lines:
            for who in ("alice", "bob", "alice", "bob"):
                wrong = await deployment.call(who, "POST", CLAIM, json={"secretKey": "my-guess"})
                assert wrong.status_code == 404
        metrics = (await deployment.call("", "GET", "/metrics")).text
        device = await deployment.make_device("lamp")
        token = await deployment.device_token(device["id"]["id"])
        await deployment.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": "right"})
        await deployment.ok("alice", "POST", CLAIM, {"secretKey": "right"})
        tenant_id = (await deployment.who("alice"))["tenantId"]["id"]
    assert 'deedbox_claim_alarms_total{scope="tenant"} 1.0' in metrics
    assert 'deedbox_claim_alarms_total{scope="deployment"} 1.0' in metrics
    warnings = [it for it in lines if it["log_level"] == "warning"]
    assert [(it["scope"], it["guesses"]) for it in warnings] == [("tenant", 2), ("deployment", 3)]
    assert [it.get("tenant_id") for it in warnings] == [tenant_id, None]
    assert "my-guess" not in str(lines) and "lamp" not in str(lines)
