"""Histories over REST where a replica answers them: who may see what is as true there as on the primary."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deedbox.core.telemetry import LATEST_TS
from deedbox.serving.settings import DatabaseSettings
from tests.api.deployment import Deployment, add_everybody, opened_deployment
from tests.storage.replicated import replicated

CLAIM = "/api/customer/device/lamp/claim"
WHOLE = {"keys": "t", "startTs": 0, "endTs": LATEST_TS, "limit": 1000}


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    with replicated() as servers:
        urls = (servers.replica.url,)
        database = DatabaseSettings(servers.primary.url, replica_urls=urls, replica_wait_ms=20_000)
        async with opened_deployment(tmp_path, database=database) as opened:
            await add_everybody(opened)
            yield opened


def read_on(deployment: Deployment, where: str) -> int:
    """How many histories were read there so far."""
    lines = deployment.parts.metrics.page().decode().splitlines()
    name = f'deedbox_replica_reads_total{{where="{where}"}} '
    return next((int(float(it.removeprefix(name))) for it in lines if it.startswith(name)), 0)


async def test_the_past_follows_the_deed_on_replicas_too(deployment: Deployment) -> None:
    """Behaviour §5.3, §5.4: no owner sees what belongs to another, and the former one nothing at once."""
    device_id = (await deployment.make_device("lamp"))["id"]["id"]
    token = await deployment.device_token(device_id)
    address = f"/api/plugins/telemetry/DEVICE/{device_id}/values/timeseries"

    async def history(who: str) -> list[Any]:
        found = await deployment.ok(who, "GET", address, **WHOLE)
        return [it["value"] for it in found.get("t", [])]

    while not read_on(deployment, "replica"):
        await history("maker")
    before = read_on(deployment, "primary")
    for number in range(6):
        owner, other = ("alice", "bob") if number % 2 else ("bob", "alice")
        await deployment.ok("", "POST", f"/api/v1/{token}/claim", {"secretKey": "k"})
        await deployment.ok(owner, "POST", CLAIM, {"secretKey": "k"})
        for spoken in range(3):
            await deployment.ok("", "POST", f"/api/v1/{token}/telemetry", {"t": f"{number} {spoken}"})
            assert len(await history(owner)) == spoken + 1
        assert {it.split()[0] for it in await history(owner)} == {str(number)}
        await deployment.refused(403, other, "GET", address, **WHOLE)
        await deployment.ok(owner, "DELETE", CLAIM)
        await deployment.refused(403, owner, "GET", address, **WHOLE)
    assert len(await history("maker")) == 18
    assert read_on(deployment, "primary") == before
