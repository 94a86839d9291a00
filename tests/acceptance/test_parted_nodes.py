"""One node of three is cut off from NATS, not from the database: all goes on, and is made good afterwards."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.acceptance.cut_wire import CutWire
from tests.acceptance.node_site import Nodes, latest, next_value, running_nodes
from tests.acceptance.test_nodes import TELEMETRY, ask, connected, replied
from tests.conformance.mqtt_site import wait_until
from tests.conformance.rest_people import post


@pytest.fixture(scope="module")
def wire() -> Iterator[CutWire]:
    with CutWire() as wire:
        yield wire


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, wire: CutWire) -> Iterator[Nodes]:
    with running_nodes(Path(tmp_path_factory.mktemp("nodes")), wire) as nodes:
        yield nodes


def test_a_node_that_is_cut_off_serves_its_devices_and_catches_up(nodes: Nodes, wire: CutWire) -> None:
    """Issue 4: claims, values and reads go on everywhere; live values and commands come late, not never."""
    device_id, token = nodes.made("lamp")
    cut_off = nodes.other
    with connected(cut_off, token) as device, ThreadPoolExecutor() as pool:
        assert device.subscribe("v1/devices/me/attributes") == [1]
        wire.cut()
        wait_until(lambda: not cut_off.is_connected, "the node notices")
        assert all(it.is_ready for it in nodes.all)
        assert nodes.browser.is_connected
        address = f"{cut_off.server.base_url}/api/v1/{token}/claim"
        httpx.post(address, json={"secretKey": "k"}, trust_env=False).raise_for_status()
        claim = {"secretKey": "k"}
        assert post(nodes.browser.owner, "/api/customer/device/lamp/claim", claim)["response"] == "SUCCESS"
        with nodes.browser.watching(device_id, "t") as watching:
            time.sleep(2)  # until nobody asks only because somebody has begun to watch
            device.publish(TELEMETRY, {"t": 1})
            assert latest(nodes.device.owner, device_id, "t") == "1"
            next_value(watching, "t", "1")
            # A stored command is found in the database by the node that hears nothing.
            wish = {"method": "find", "params": {}, "persistent": True, "timeout": 600_000}
            post(nodes.browser.owner, f"/api/rpc/oneway/{device_id}", wish)
            assert b"find" in device.next_message().payload
            path = f"/api/plugins/telemetry/DEVICE/{device_id}/attributes/SHARED_SCOPE"
            post(nodes.browser.maker, path, {"colour": "red"})
            wire.heal()
            nodes.wait_until_connected(True)
            assert json.loads(device.next_message().payload) == {"colour": "red"}
            waiting = pool.submit(ask, nodes.browser, device_id, "wait")
            assert replied(device, 5) == "wait"
            assert waiting.result().json() == 5
            device.publish(TELEMETRY, {"t": 2})
            next_value(watching, "t", "2")
        # What ends on another node ends here, too.
        nodes.device.owner.delete("/api/customer/device/lamp/claim").raise_for_status()
        assert cut_off.owner.get(f"/api/device/{device_id}").status_code == httpx.codes.FORBIDDEN
