"""Backups while devices publish and people claim: what was acknowledged before one began is in it."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.acceptance.explained import DATABASE, unexplained
from tests.acceptance.numbered_publishing import FIRST_MOMENT_MS, SERIES, NumberedDevice, start_publishing
from tests.cli.running import ran
from tests.conformance.mqtt_site import MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.rest_people import PASSWORD, get, sign_in
from tests.server_process import RunningServer, running_server

DEVICES, WINDOW, BACKUPS = 3, 8, 3
BETWEEN_BACKUPS_S = 0.7
MOST_POINTS = 90_000


class Made(NamedTuple):
    """A backup, and what had been acknowledged before it began: numbers by token, names of owned devices."""

    file: Path
    messages: dict[str, set[int]]
    owned: list[str]


class Claims:
    """An owner who claims one device after the other."""

    def __init__(self, site: MqttSite) -> None:
        self.acknowledged: list[str] = []
        self._site = site
        self._ended = False

    def end(self) -> None:
        """Claim no more."""
        self._ended = True

    def run(self) -> None:
        """Claim until told to end."""
        while not self._ended:
            device = self._site.new_device()
            path = f"/api/v1/{device.token}/claim"
            self._site.owner.post(path, json={"secretKey": "key"}).raise_for_status()
            assert self._site.claim(device, "key").json()["response"] == "SUCCESS"
            self.acknowledged.append(device.name)


async def test_what_was_acknowledged_before_a_backup_is_in_it(tmp_path: Path) -> None:
    """Issue 4, behaviour §2.6: backed up under load, killed, restored elsewhere, started there."""
    limits = tmp_path / "limits.toml"
    limits.write_text("[claim]\nattempts_per_user = 1000000\n", encoding="utf-8")
    with running_mqtt_site(tmp_path / "data", "--config", str(limits)) as site:
        devices = [site.new_device() for _ in range(DEVICES)]
        publishing = await start_publishing(site.port, [it.token for it in devices], WINDOW)
        claims = Claims(site)
        claiming = asyncio.create_task(asyncio.to_thread(claims.run))
        made = [await _back_up(number, tmp_path, publishing, claims) for number in range(BACKUPS)]
        claims.end()
        await claiming
        site.server.kill()
    for backup in made:
        new = tmp_path / f"restored from {backup.file.name}"
        _restore(backup.file, tmp_path / "data", new)
        with running_server(new) as server:
            _assert_all_there(server, devices, backup)
        assert unexplained(new / DATABASE) == []


async def _back_up(number: int, folder: Path, publishing: Sequence[NumberedDevice], claims: Claims) -> Made:
    await asyncio.sleep(BETWEEN_BACKUPS_S)
    file = folder / f"backup-{number}"
    made = Made(file, {it.token: set(it.acknowledged) for it in publishing}, list(claims.acknowledged))
    done = await asyncio.to_thread(ran, "backup", str(file), "--data", str(folder / "data"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["owned_devices"] >= len(made.owned) > 0
    # It ran beside the load, not in a pause of it.
    assert all(len(it.acknowledged) > len(made.messages[it.token]) > 0 for it in publishing)
    return made


def _restore(backup: Path, old: Path, new: Path) -> None:
    new.mkdir(mode=0o700)
    shutil.copy2(old / "secret.key", new)
    restored = ran("restore", str(backup), "--data", str(new), "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["key_file_fits"] is True


def _assert_all_there(server: RunningServer, devices: Sequence[MadeDevice], backup: Made) -> None:
    with closing(sign_in(server.base_url, "maker@deedbox.test", PASSWORD)) as maker:
        for device in devices:
            acknowledged = backup.messages[device.token]
            stored = _numbers(maker, device, max(acknowledged))
            assert acknowledged <= set(stored)
            assert len(stored) == len(set(stored))
    with closing(sign_in(server.base_url, "owner@deedbox.test", PASSWORD)) as owner:
        for name in backup.owned:
            again = owner.post(f"/api/customer/device/{name}/claim", json={"secretKey": "key"})
            assert again.json() == "CLAIMED"


def _numbers(maker: httpx.Client, device: MadeDevice, newest: int) -> list[int]:
    path = f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries"
    numbers: list[int] = []
    for start in range(FIRST_MOMENT_MS, FIRST_MOMENT_MS + newest + 1, MOST_POINTS):
        span = {"startTs": start, "endTs": start + MOST_POINTS, "limit": MOST_POINTS}
        numbers += [it["ts"] - FIRST_MOMENT_MS for it in get(maker, path, keys=SERIES, **span)[SERIES]]
    return numbers
