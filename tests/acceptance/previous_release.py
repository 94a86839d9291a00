"""The release before on this one's schema, side by side, as in a rolling upgrade: `make rehearse`."""

import os
from contextlib import ExitStack, closing
from pathlib import Path

import httpx

from tests.conformance.rest_people import PASSWORD, get, new_maker, new_owner, post, sign_in
from tests.server_process import RunningServer, running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

OFFER = {"secretKey": "on the label"}


def told(server: RunningServer, token: str, what: str, body: object) -> None:
    """The device says something to this server."""
    address = f"{server.base_url}/api/v1/{token}/{what}"
    httpx.post(address, json=body, trust_env=False).raise_for_status()


def claimed(owner: httpx.Client, name: str) -> str:
    return str(post(owner, f"/api/customer/device/{name}/claim", OFFER)["response"])


def temperature(owner: httpx.Client, device_id: str) -> str:
    path = f"/api/plugins/telemetry/DEVICE/{device_id}/values/timeseries"
    return str(get(owner, path, keys="t")["t"][0]["value"])


def test_the_release_before_runs_beside_this_one(tmp_path: Path) -> None:
    """Issue 4: this release makes the schema, the one before works on it; each sees what the other did."""
    url = new_postgresql(EMPTY)
    shared = {"DEEDBOX_DATABASE_URL": url, "DEEDBOX_SECRETS_KEY_FILE": str(tmp_path / "secret.key")}
    before = Path(os.environ["DEEDBOX_PREVIOUS_RELEASE"]).resolve()
    with ExitStack() as opened:
        opened.callback(drop_postgresql, url)
        newer = opened.enter_context(running_server(tmp_path / "newer", environment=shared))
        maker = opened.enter_context(closing(new_maker(newer.address)))
        owner = opened.enter_context(closing(new_owner(maker)))
        older = opened.enter_context(running_server(tmp_path / "older", environment=shared, command=before))
        owner_there = opened.enter_context(closing(sign_in(older.base_url, "owner@deedbox.test", PASSWORD)))
        servers, owners = (newer, older, newer), (owner, owner_there, owner)
        for number, name in enumerate(("lamp", "pump")):
            made = post(maker, f"/api/device?accessToken={name}", {"name": name, "type": "default"})
            told(servers[number], name, "claim", OFFER)
            assert claimed(owners[number + 1], name) == "SUCCESS"
            told(servers[number], name, "telemetry", {"t": number})
            assert temperature(owners[number + 1], made["id"]["id"]) == str(number)
            owners[number].delete(f"/api/customer/device/{name}/claim").raise_for_status()
            told(servers[number + 1], name, "claim", OFFER)
            assert claimed(owners[number], name) == "SUCCESS"
        older.restart()
        assert older.stop() == 0
