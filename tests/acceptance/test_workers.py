"""Two workers of one server: what arrives at one is seen at the other, and either may die."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from websockets.sync.client import ClientConnection

from tests.acceptance.node_site import Node, latest, next_value
from tests.acceptance.worker_site import WORKERS, WorkerSite, prepared, running_workers, worker_pids
from tests.conformance.mqtt_site import wait_until
from tests.conformance.paho_device import V5, PahoDevice
from tests.conformance.rest_people import post
from tests.server_process import COMMAND

TELEMETRY = "v1/devices/me/telemetry"
COMMANDS = "v1/devices/me/rpc/request/+"
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerSite]:
    with running_workers(Path(tmp_path_factory.mktemp("workers"))) as site:
        wait_until(lambda: len(site.pids) == WORKERS, "all workers")
        wait_until(lambda: sum(site.measured("deedbox_bus_connected").values()) == WORKERS, "NATS")
        yield site


@contextmanager
def owned_device(site: WorkerSite, name: str) -> Iterator[tuple[str, PahoDevice, int]]:
    """A connected device of the owner's: its id, itself, and the process id of its worker."""
    device_id = post(site.maker, f"/api/device?accessToken={name}-token", {"name": name, "type": "default"})[
        "id"
    ]["id"]
    offer = f"{site.server.base_url}/api/v1/{name}-token/claim"
    httpx.post(offer, json={"secretKey": "on the label"}, trust_env=False).raise_for_status()
    post(site.owner, f"/api/customer/device/{name}/claim", {"secretKey": "on the label"})
    with connected(site, name) as device:
        yield device_id, device, worker_of(site, device)


def connected(site: WorkerSite, name: str) -> PahoDevice:
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=V5, reconnect_on_failure=False)
    client.username_pw_set(f"{name}-token")
    device = PahoDevice(client)
    assert device.connect(site.mqtt_port).reason == 0
    assert device.subscribe(COMMANDS) == [1]
    return device


def worker_of(site: WorkerSite, device: PahoDevice) -> int:
    connection: Any = device.client.socket()
    return site.worker_of(site.mqtt_port, connection.getsockname()[1])


@contextmanager
def watching_elsewhere(site: WorkerSite, device_id: str, pid: int) -> Iterator[ClientConnection]:
    """The owner's WebSocket at another worker than that one."""
    node = Node(site.server, site.mqtt_port, site.maker, site.owner)
    with ExitStack() as tries:
        while True:
            found = tries.enter_context(node.watching(device_id, "t"))
            if site.worker_of(site.server.port, found.socket.getsockname()[1]) != pid:
                yield found
                return


@contextmanager
def owner_elsewhere(site: WorkerSite, pid: int) -> Iterator[httpx.Client]:
    """The owner, with a connection to another worker than that one."""
    with ExitStack() as tries:
        while True:
            made = httpx.Client(
                base_url=site.server.base_url, headers=site.owner.headers, timeout=60, trust_env=False
            )
            client = tries.enter_context(closing(made))
            answer = client.get("/livez")
            port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
            if site.worker_of(site.server.port, port) != pid:
                yield client
                return


def test_a_device_on_one_worker_is_seen_and_commanded_on_another(site: WorkerSite) -> None:
    """Behaviour §5.4."""
    with (
        owned_device(site, "lamp") as (device_id, device, pid),
        watching_elsewhere(site, device_id, pid) as watching,
    ):
        device.publish(TELEMETRY, {"t": 21})
        next_value(watching, "t", "21")
        with owner_elsewhere(site, pid) as owner, ThreadPoolExecutor() as pool:
            body = {"method": "blink", "params": {}, "timeout": PATIENCE_MS}
            answer = pool.submit(owner.post, f"/api/rpc/twoway/{device_id}", json=body)
            message = device.next_message()
            device.send(message.topic.replace("request", "response"), {"done": True})
            assert answer.result().json() == {"done": True}


def test_metrics_are_of_all_workers_whoever_is_asked(site: WorkerSite) -> None:
    with owned_device(site, "meter"), owned_device(site, "meter-2"):
        for _ in range(8):
            assert site.measured("deedbox_worker_up") == {"1": 1, "2": 1}
            assert sum(site.measured("deedbox_mqtt_connections").values()) == 2


def test_a_killed_worker_is_replaced_and_keeps_its_promises(site: WorkerSite) -> None:
    """Performance 19: what was acknowledged is there."""
    with owned_device(site, "fan") as (device_id, device, pid):
        others = set(site.pids) - {pid}
        device.publish(TELEMETRY, {"t": 5})
        os.kill(pid, signal.SIGKILL)
        device.ended()
        with owner_elsewhere(site, pid) as owner:
            assert latest(owner, device_id, "t") == "5"
        wait_until(lambda: len(site.pids) == WORKERS and pid not in site.pids, "another in its place")
        assert others < set(site.pids)
        wait_until(lambda: site.measured("deedbox_worker_up") == {"1": 1, "2": 1}, "both answer")
        with connected(site, "fan") as back:
            back.publish(TELEMETRY, {"t": 6})


def test_the_first_administrator_is_made_once_and_all_stop_together(tmp_path: Path) -> None:
    with prepared(tmp_path) as deployment:
        # Empty: generated, as by default.
        deployment.environment["DEEDBOX_ADMIN_PASSWORD"] = ""
        with deployment.served() as server:
            wait_until(lambda: "all workers serve" in server.log.read_text(), "all workers")
            pids = worker_pids(server.pid)
            assert len(pids) == WORKERS
            assert server.stop() == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
        log = server.log.read_text(encoding="utf-8")
        assert len(re.findall(r"Password: ", log)) == 1
        assert log.count('"event": "stopped"') == WORKERS
        assert (tmp_path / "data" / "secret.key").exists()


def test_workers_end_when_the_process_above_them_is_killed(tmp_path: Path) -> None:
    with prepared(tmp_path) as deployment, deployment.served() as server:
        wait_until(lambda: "all workers serve" in server.log.read_text(), "all workers")
        pids = worker_pids(server.pid)
        server.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "all end")
        server.restart()


def test_workers_over_sqlite_are_refused(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEDBOX_")}
    command = [str(COMMAND), "serve", "--data", str(tmp_path / "data"), "--workers", "2"]
    refused = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 2
    assert "serve.workers (--workers) is 2. Several workers need a PostgreSQL database" in refused.stderr
    assert "--nats-url" in refused.stderr
    assert not (tmp_path / "data").exists()
