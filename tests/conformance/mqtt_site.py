"""A server with its MQTT listener, its people and their devices, for tests with real MQTT clients."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.conformance.rest_people import get, new_maker, new_owner, post
from tests.ports import free_port
from tests.server_process import RunningServer, running_server

HOST = "127.0.0.1"
LONGEST_WAIT_S = 30
# Long enough for a device that connects anew while its command waits.
COMMAND_TIMEOUT_MS = 60_000
MOST_POINTS = 1_000


class MadeDevice(NamedTuple):
    """A device as the maker knows it."""

    name: str
    id: str
    token: str


class MqttSite:
    """What tests ask of the server beside MQTT, all of it over REST."""

    def __init__(self, server: RunningServer, port: int, maker: httpx.Client, owner: httpx.Client) -> None:
        self.server = server
        self.port = port
        self.maker = maker
        self.owner = owner
        self._numbers = count(1)
        self._pool = ThreadPoolExecutor(max_workers=8)

    def new_device(self) -> MadeDevice:
        """A device of the maker's that nobody owns."""
        name = f"gadget-{next(self._numbers)}"
        token = f"token-of-{name}"
        saved = post(self.maker, f"/api/device?accessToken={token}", {"name": name, "type": "default"})
        return MadeDevice(name, saved["id"]["id"], token)

    def claim(self, device: MadeDevice, secret_key: str | None) -> httpx.Response:
        """The answer to the owner's claim."""
        body = {"secretKey": secret_key}
        return self.owner.post(f"/api/customer/device/{device.name}/claim", json=body)

    def customer_of_owner(self) -> dict[str, str]:
        """The reference to the owner's customer, as devices show it."""
        customer: dict[str, str] = get(self.owner, "/api/auth/user")["customerId"]
        return customer

    def latest(self, device: MadeDevice, *keys: str) -> dict[str, Any]:
        """The latest values as the maker reads them, each in its own type; keys without one are left out."""
        found = get(
            self.maker,
            f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries",
            keys=",".join(keys),
            useStrictDataTypes="true",
        )
        values = {key: points[0]["value"] for key, points in found.items()}
        return {key: value for key, value in values.items() if value is not None}

    def points(self, device: MadeDevice, key: str) -> list[tuple[int, Any]]:
        """The stored points of one key, oldest first."""
        found = get(
            self.maker,
            f"/api/plugins/telemetry/DEVICE/{device.id}/values/timeseries",
            keys=key,
            startTs=0,
            endTs=9_999_999_999_999,
            limit=MOST_POINTS,
            useStrictDataTypes="true",
        )
        return sorted((point["ts"], point["value"]) for point in found.get(key, []))

    def attributes(self, device: MadeDevice, scope: str) -> dict[str, Any]:
        """The attributes of one scope, as the maker reads them."""
        found = get(self.maker, f"/api/plugins/telemetry/DEVICE/{device.id}/values/attributes/{scope}")
        return {each["key"]: each["value"] for each in found}

    def share(self, device: MadeDevice, **values: object) -> None:
        """Let the maker write shared attributes."""
        post(self.maker, f"/api/plugins/telemetry/DEVICE/{device.id}/attributes/SHARED_SCOPE", values)

    def unshare(self, device: MadeDevice, key: str) -> None:
        """Let the maker delete a shared attribute."""
        path = f"/api/plugins/telemetry/DEVICE/{device.id}/SHARED_SCOPE"
        self.maker.delete(path, params={"keys": key}).raise_for_status()

    def set_mqtt_credentials(self, device: MadeDevice, basic: dict[str, str]) -> None:
        """Replace the access token by client id, user name and password."""
        credentials: dict[str, Any] = {"deviceId": {"entityType": "DEVICE", "id": device.id}}
        credentials |= {"credentialsType": "MQTT_BASIC", "credentialsValue": json.dumps(basic)}
        post(self.maker, "/api/device/credentials", credentials)

    def command(
        self, device: MadeDevice, method: str, params: object, way: str = "twoway"
    ) -> "Future[httpx.Response]":
        """Send a command; the answer comes when the device has taken it and, two-way, replied."""
        body = {"method": method, "params": params, "timeout": COMMAND_TIMEOUT_MS}
        path = f"/api/rpc/{way}/{device.id}"
        return self._pool.submit(self.maker.post, path, json=body, timeout=2 * COMMAND_TIMEOUT_MS / 1000)

    def close(self) -> None:
        """Wait for commands under way."""
        self._pool.shutdown()


@contextmanager
def running_mqtt_site(
    data_folder: Path, *extra_args: str, environment: Mapping[str, str] | None = None
) -> Iterator[MqttSite]:
    """A server of its own with MQTT on a free port, a maker and an owner; the rest goes to the server."""
    port = free_port()
    with (
        running_server(
            data_folder, "--mqtt", f"{HOST}:{port}", *extra_args, environment=environment
        ) as server,
        closing(new_maker(server.address)) as maker,
        closing(new_owner(maker)) as owner,
        closing(MqttSite(server, port, maker, owner)) as site,
    ):
        yield site


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Ask again and again until it holds. Raises TimeoutError, naming `what`, when it does not come true."""
    give_up_at = time.monotonic() + LONGEST_WAIT_S
    while not holds():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{what}: not within {LONGEST_WAIT_S} s")
        time.sleep(0.02)
