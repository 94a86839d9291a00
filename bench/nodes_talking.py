"""Parts A and B: commands to a device and its values to a browser, on one node and between two."""

import json
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from websockets.sync.client import ClientConnection

from bench.nodes_site import TELEMETRY, Caller, Site, answering

_WARM_UP = 20


def round_trips(site: Site, calls: int) -> dict[str, list[float]]:
    """Part A: a command over REST, to the device over MQTT, its reply, and the answer."""
    device_id, token = site.made("answering")
    home, other = site.nodes
    times: dict[str, list[float]] = {}
    body = {"method": "blink", "params": {}, "timeout": 30_000}
    with (
        answering(home, token),
        closing(Caller(home)) as beside,
        closing(Caller(other)) as across,
    ):
        for number in range(calls + _WARM_UP):
            for where, caller in (("on one node", beside), ("between nodes", across)):
                began_s = time.perf_counter()
                caller.post(f"/api/rpc/twoway/{device_id}", body)
                if number >= _WARM_UP:
                    _note(times, f"command to its answer, {where}", began_s)
    return times


def watching(site: Site, calls: int) -> dict[str, list[float]]:
    """Part B: a device sends a value, a browser that watches it gets it; the value is on the disk by then."""
    device_id, token = site.offered("measuring")
    home, other = site.nodes
    assert site.claim("measuring", other)
    times: dict[str, list[float]] = {}
    with answering(home, token) as device:
        for where, node in (("on one node", home), ("between nodes", other)):
            with node.watching(device_id, "t") as browser:
                for number in range(calls + _WARM_UP):
                    value = f"{where} {number}"
                    began_s = time.perf_counter()
                    device.client.publish(TELEMETRY, json.dumps({"t": value}), 1)
                    _until(browser, value)
                    if number >= _WARM_UP:
                        _note(times, f"value sent to value seen, {where}", began_s)
    return times


def _until(browser: ClientConnection, value: str) -> None:
    while True:
        update: dict[str, Any] = json.loads(browser.recv(60))
        points: Sequence[Sequence[Any]] = update["data"].get("t", [])
        if any(it[1] == value for it in points):
            return


def _note(times: dict[str, list[float]], what: str, began_s: float) -> None:
    times.setdefault(what, []).append((time.perf_counter() - began_s) * 1000)
