"""Who takes part in a claim in the browser: a maker, an owner, a lamp that speaks HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx

from tests.conformance.rest_people import get, new_maker, new_owner, post
from tests.server_process import ServerAddress

KEY = "lamp secret/1.5%"


class Lamp:
    """A simulated device: reports what it measures, obeys its shared attribute `on`."""

    def __init__(self, base_url: str, token: str, name: str) -> None:
        self.name = name
        self._client = httpx.Client(base_url=f"{base_url}/api/v1/{token}", timeout=60, trust_env=False)
        self._obeying = threading.Thread(target=self._obey, daemon=True)

    def announce(self, key: str = KEY) -> None:
        """Open a claim window, as after a press of its button."""
        body = {"secretKey": key, "durationMs": 600_000}
        assert self._client.post("/claim", json=body).json()["accepted"]

    def measure(self, **values: object) -> None:
        """Send telemetry."""
        self.send(values)

    def send(self, body: object) -> None:
        """Send telemetry that may have a moment of its own."""
        self._client.post("/telemetry", json=body).raise_for_status()

    def move_to(self, base_url: str) -> None:
        """Find the server elsewhere, with the same token."""
        self._client.base_url = httpx.URL(base_url).join(self._client.base_url.path)

    def report(self, **values: object) -> None:
        """Send client attributes."""
        self._client.post("/attributes", json=values).raise_for_status()

    def obey_once(self) -> threading.Thread:
        """Wait for `on` in a thread of its own, then report what it was told."""
        self._obeying.start()
        return self._obeying

    def close(self) -> None:
        """Pull the plug."""
        self._client.close()

    def _obey(self) -> None:
        told: dict[str, Any] = {}
        while "on" not in told:
            answer = self._client.get("/attributes/updates", params={"timeout": 20_000})
            told = answer.json() if answer.status_code == 200 else {}
        self.report(on=told["on"])


class Cast:
    """A maker of lamps, and an owner; sign in as `owner@deedbox.test`."""

    def __init__(self, server: ServerAddress) -> None:
        self.maker = new_maker(server)
        self.owner = new_owner(self.maker)
        self._numbers = count(1)
        self._base_url = server.base_url

    def close(self) -> None:
        """Let all go home."""
        self.maker.close()
        self.owner.close()

    @contextmanager
    def lamp(self) -> Iterator[Lamp]:
        """Make a lamp and plug it in: it knows its token."""
        name = f"LAMP {next(self._numbers)}/1.5"
        device = post(self.maker, "/api/device", {"name": name, "type": "lamp"})
        credentials = get(self.maker, f"/api/device/{device['id']['id']}/credentials")
        lamp = Lamp(self._base_url, credentials["credentialsId"], name)
        try:
            yield lamp
        finally:
            lamp.close()
