"""Simulated devices: threads that speak HTTP as firmware does."""

import math
import threading
import time
from typing import Any

import httpx

from deedbox.cli.demonstration.people import Stock

_POLL_MS = 5_000
_REPORT_EVERY_S = 1.0


class SimulatedLamp:
    """A lamp with a thermometer: reports every second, obeys the shared attribute `on`, answers commands."""

    def __init__(self, base_url: str, stock: Stock) -> None:
        self.stock = stock
        self.is_on = False
        self.identified = threading.Event()
        self._client = httpx.Client(base_url=f"{base_url}/api/v1/{stock.token}", timeout=30)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def announce(self, secret_key: str, duration_ms: int) -> dict[str, Any]:
        """Offer itself to whoever knows the key, as firmware does after a press of its button."""
        response = self._client.post("/claim", json={"secretKey": secret_key, "durationMs": duration_ms})
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def switch_on(self) -> None:
        """Begin to report and to listen."""
        for work in (self._report, self._follow_attributes, self._answer_commands):
            thread = threading.Thread(target=self._keep_on, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def switch_off(self) -> None:
        """Stop at once."""
        self._stopping.set()
        self._client.close()

    def _keep_on(self, work: Any) -> None:
        while not self._stopping.is_set():
            try:
                work()
            except (httpx.HTTPError, RuntimeError, ValueError):
                # As firmware: whatever happened to the connection, try again in a moment.
                self._stopping.wait(0.5)

    def _report(self) -> None:
        temperature = round(21 + 2 * math.sin(time.time() / 20), 2)
        self._client.post(
            "/telemetry", json={"temperature": temperature, "on": self.is_on}
        ).raise_for_status()
        self._stopping.wait(_REPORT_EVERY_S)

    def _follow_attributes(self) -> None:
        changed = self._client.get("/attributes/updates", params={"timeout": _POLL_MS})
        if changed.status_code == 200 and "on" in (shared := changed.json()):
            self.is_on = bool(shared["on"])
            self._client.post("/attributes", json={"on": self.is_on}).raise_for_status()

    def _answer_commands(self) -> None:
        command = self._client.get("/rpc", params={"timeout": _POLL_MS})
        if command.status_code != 200:
            return
        asked = command.json()
        if asked.get("method") == "identify":
            self.identified.set()
        self._client.post(f"/rpc/{asked['id']}", json={"ok": True, "on": self.is_on}).raise_for_status()
