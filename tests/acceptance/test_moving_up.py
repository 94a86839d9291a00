"""A deployment that has lived on SQLite moves to PostgreSQL and lives on: nobody but the operator notices."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.acceptance.claim_cast import KEY, Cast, Lamp
from tests.cli.running import ran
from tests.conformance.rest_people import PASSWORD, get, post, sign_in
from tests.server_process import RunningServer, running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

FIRST_MS = 1_790_000_000_000
POINTS = 400


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    address = new_postgresql(EMPTY)
    yield address
    drop_postgresql(address)


class Life:
    """What a maker, an owner and three lamps have on SQLite: one is claimed, one waits, one has a label."""

    def __init__(self, cast: Cast, claimed: Lamp, waiting: Lamp, labelled: Lamp) -> None:
        self.cast = cast
        self.claimed = claimed
        self.waiting = waiting
        self.labelled = labelled
        for lamp in (claimed, waiting):
            lamp.announce()
        assert claim(cast.owner, claimed, KEY) == "SUCCESS"
        claimed.report(firmware="1.4")
        post(cast.maker, f"/api/device/{self.id_of(labelled)}/label")
        for number in range(POINTS):
            claimed.send({"ts": FIRST_MS + number, "values": {"power": number}})

    def id_of(self, lamp: Lamp) -> str:
        """The id of a lamp."""
        return str(get(self.cast.maker, "/api/tenant/devices", deviceName=lamp.name)["id"]["id"])

    def seen(self) -> dict[str, Any]:
        """What the owner and the maker are shown, as far as it does not change by looking."""
        maker, owner = self.cast.maker, self.cast.owner
        values = f"/api/plugins/telemetry/DEVICE/{self.id_of(self.claimed)}/values"
        period: dict[str, str | int] = {"keys": "power", "startTs": FIRST_MS, "endTs": FIRST_MS + POINTS}
        customer_id = get(owner, "/api/auth/user")["customerId"]["id"]
        return {
            "user": get(owner, "/api/auth/user"),
            "devices": get(owner, f"/api/customer/{customer_id}/devices", pageSize=10, page=0),
            "all devices": get(maker, "/api/tenant/devices", pageSize=10, page=0),
            "history": get(owner, f"{values}/timeseries", **period, limit=POINTS),
            "latest": get(owner, f"{values}/timeseries", keys="power"),
            "attributes": get(owner, f"{values}/attributes/CLIENT_SCOPE"),
            "label": get(maker, f"/api/device/{self.id_of(self.labelled)}/label")["qrKey"],
        }

    def audit_log(self) -> list[Any]:
        """The maker's audit log, the oldest first."""
        asked: dict[str, str | int] = {"pageSize": 100, "page": 0, "sortOrder": "ASC"}
        found: list[Any] = get(self.cast.maker, "/api/audit/logs", **asked)["data"]
        return found

    def move_to(self, server: RunningServer) -> None:
        """Find the server where it is now."""
        for client in (self.cast.maker, self.cast.owner):
            client.base_url = httpx.URL(server.base_url)
        for lamp in (self.claimed, self.waiting, self.labelled):
            lamp.move_to(server.base_url)


def claim(owner: httpx.Client, lamp: Lamp, key: str) -> str:
    """What an owner is told who claims a lamp."""
    path = f"/api/customer/device/{quote(lamp.name, safe='')}/claim"
    answer = owner.post(path, json={"secretKey": key}).json()
    return str(answer["response"] if isinstance(answer, dict) else answer)


def test_a_deployment_moves_and_lives_on(url: str, tmp_path: Path) -> None:
    """Issue 4, point 3: killed with telemetry in its journal, copied, served by PostgreSQL."""
    old, new = tmp_path / "old", tmp_path / "new"
    environment = {"DEEDBOX_DATABASE_URL": url}
    with ExitStack() as living:
        with running_server(old) as server:
            cast = living.enter_context(closing(Cast(server.address)))
            life = Life(cast, *(living.enter_context(cast.lamp()) for _ in range(3)))
            seen, audited = life.seen(), life.audit_log()
            life.claimed.send({"ts": FIRST_MS + POINTS, "values": {"power": -1}})
            server.kill()
        done = ran(
            "copy", "--from", f"sqlite:{old}/deedbox.sqlite", "--data", str(new), environment=environment
        )
        assert (done.returncode, "Equal" in done.stdout) == (0, True), done.stderr
        new.mkdir(exist_ok=True)
        shutil.copy2(old / "secret.key", new)
        with running_server(new, environment=environment) as server:
            life.move_to(server)
            assert_lives_on(life, server, seen, audited)


def assert_lives_on(life: Life, server: RunningServer, seen: dict[str, Any], audited: list[Any]) -> None:
    """All is as it was; sessions, tokens, windows and keys are good; what was claimed stays claimed."""
    owner, values = (
        life.cast.owner,
        f"/api/plugins/telemetry/DEVICE/{life.id_of(life.claimed)}/values/timeseries",
    )
    assert get(owner, values, keys="power")["power"][0]["value"] == "-1", "it was in the journal"
    now = life.seen()
    assert {it: now[it] for it in now if it != "latest"} == {it: seen[it] for it in seen if it != "latest"}
    assert life.audit_log()[: len(audited)] == audited
    sign_in(server.base_url, "owner@deedbox.test", PASSWORD).close()
    assert claim(owner, life.claimed, KEY) == "CLAIMED"
    assert claim(owner, life.waiting, "a guess") == "FAILURE"
    assert claim(owner, life.waiting, KEY) == "SUCCESS"
    assert claim(owner, life.labelled, seen["label"]) == "SUCCESS"
    life.claimed.measure(power=77, volume=3)
    found = get(owner, values, keys="power,volume")
    assert [found[it][0]["value"] for it in ("power", "volume")] == ["77", "3"]
