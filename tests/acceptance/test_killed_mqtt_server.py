"""kill -9 while devices publish: every message that was acknowledged is there after the next start.

DEEDBOX_KILLS sets how often the server is killed (4).
"""

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.acceptance.numbered_publishing import (
    DIGITS,
    FIRST_MOMENT_MS,
    SERIES,
    NumberedDevice,
    judge,
    start_publishing,
    until_cut,
)
from tests.conformance.mqtt_site import MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.rest_people import get

KILLS = int(os.environ.get("DEEDBOX_KILLS", "4"))
DEVICES, WINDOW = 5, 16
MOST_POINTS = 90_000


async def test_no_acknowledged_message_is_lost(tmp_path: Path) -> None:
    """Behaviour §2.6, performance 19: killed at any moment, in the journal or half moved; read over REST."""
    dice = random.Random(20_261_123)
    with running_mqtt_site(tmp_path / "data") as site:
        for _ in range(KILLS):
            devices = [site.new_device() for _ in range(DEVICES)]
            # Some live through the first second, after which the journal is being moved, too.
            published = await _publish_until_killed(site, devices, dice.uniform(0.2, 2.5))
            site.server.restart()
            _assert_all_there(site, devices, published)


async def _publish_until_killed(
    site: MqttSite, devices: Sequence[MadeDevice], delay_s: float
) -> list[NumberedDevice]:
    publishing = await start_publishing(site.port, [it.token for it in devices], WINDOW)
    try:
        await asyncio.sleep(delay_s)
    finally:
        site.server.kill()
    await until_cut(publishing)
    return publishing


def _assert_all_there(
    site: MqttSite, devices: Sequence[MadeDevice], published: Sequence[NumberedDevice]
) -> None:
    stored = {
        it.token: _numbers(site, it, len(sent.acknowledged))
        for it, sent in zip(devices, published, strict=True)
    }
    verdict = judge(published, stored)
    assert verdict.acknowledged > 0
    assert (verdict.lost, verdict.twice, verdict.invented) == (0, 0, 0), verdict
    for it, sent in zip(devices, published, strict=True):
        assert _latest(site, it) >= max(sent.acknowledged)


def _numbers(site: MqttSite, device: MadeDevice, acknowledged: int) -> list[int]:
    """Return the numbers of the messages that are stored, a piece of time after the other."""
    numbers: list[int] = []
    for start in range(0, acknowledged + WINDOW * 2, MOST_POINTS):
        found = _read(
            site, device, startTs=FIRST_MOMENT_MS + start, endTs=FIRST_MOMENT_MS + start + MOST_POINTS
        )
        numbers += [point["ts"] - FIRST_MOMENT_MS for point in found]
    return numbers


def _latest(site: MqttSite, device: MadeDevice) -> int:
    [point] = _read(site, device)
    return int(point["value"][:DIGITS])


def _read(site: MqttSite, device: MadeDevice, **span: int) -> list[dict[str, Any]]:
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    found: dict[str, list[dict[str, Any]]] = get(site.maker, path, keys=SERIES, limit=MOST_POINTS, **span)
    return found.get(SERIES, [])
