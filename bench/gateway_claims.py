"""How long does a gateway wait for the acknowledgement of a message that claims many devices?

    .venv/bin/python -m bench.gateway_claims --devices 1000 --rounds 10
    .venv/bin/python -m bench.gateway_claims --devices 1000 --rounds 10 --postgresql

A real server, a gateway on paho. Each round offers devices that are not there yet, which makes them, and then
the same ones again, as at the next boot. Seconds are the gateway's, from PUBLISH to PUBACK; processor time is
the server's and, with PostgreSQL, the database's beside it.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, NamedTuple

import typer
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from bench.postgresql_server import processor_s, running
from tests.conformance.mqtt_site import HOST, MqttSite, running_mqtt_site
from tests.conformance.rest_people import get, post
from tests.storage.postgresql_bench import run_plainly

_TOKEN = "token-of-the-gateway"
_LONGEST_WAIT_S = 120


class Database(NamedTuple):
    """Where the server stores: what it is told, what it costs, and how it comes to rest."""

    environment: dict[str, str]
    processor_s: Callable[[], float]
    settle: Callable[[], None]


@contextmanager
def _connected(site: MqttSite) -> Iterator[Client]:
    gateway = {"name": "gateway", "additionalInfo": {"gateway": True}}
    post(site.maker, f"/api/device?accessToken={_TOKEN}", gateway)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set(_TOKEN)
    client.connect(HOST, site.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _seconds(client: Client, numbers: range) -> float:
    offers = {f"D{it:08}": {"secretKey": f"key{it:08}"} for it in numbers}
    began_s = perf_counter()
    client.publish("v1/gateway/claim", json.dumps(offers), qos=1).wait_for_publish(_LONGEST_WAIT_S)
    return perf_counter() - began_s


def _measure(
    site: MqttSite, starts: range, devices: int, database: Database
) -> list[tuple[str, list[float], float, float]]:
    found = []
    with _connected(site) as client:
        for what in ("new", "known"):
            database.settle()
            before = processor_s(site.server.pid), database.processor_s()
            seconds = [_seconds(client, range(it, it + devices)) for it in starts]
            after = processor_s(site.server.pid), database.processor_s()
            found.append((what, seconds, after[0] - before[0], after[1] - before[1]))
    total = get(site.maker, "/api/tenant/devices", pageSize=1, page=0)["totalElements"]
    assert total == 1 + devices * len(starts), total
    return found


def _nothing() -> None:
    """Leave the database as it is."""


@contextmanager
def _opened(folder: Path, postgresql: bool) -> Iterator[Database]:
    if not postgresql:
        yield Database({}, lambda: 0.0, _nothing)
        return
    with running(folder / "postgresql") as server:
        server.ask("drop database if exists gateways")
        server.ask("create database gateways template template0 encoding 'UTF8' locale 'C.UTF-8'")
        url = server.url("gateways")
        yield Database({"DEEDBOX_DATABASE_URL": url}, server.processor_s, partial(_analyze, url))


def _analyze(url: str) -> None:
    """Count what is there, as PostgreSQL does by itself within a minute."""
    run_plainly(url, "analyze", ())


def main(
    devices: Annotated[int, typer.Option(help="Devices in a message.")] = 1_000,
    rounds: Annotated[int, typer.Option(help="Messages of each kind.")] = 10,
    postgresql: Annotated[bool, typer.Option("--postgresql", help="Store in PostgreSQL.")] = False,
    cache: Annotated[Path, typer.Option(help="Where databases are kept.")] = Path(".bench"),
) -> None:
    """Print how long a message waits for its acknowledgement, and what each device takes."""
    folder = cache / "gateways"
    shutil.rmtree(folder / "data", ignore_errors=True)
    folder.mkdir(exist_ok=True, parents=True)
    with (
        _opened(folder, postgresql) as database,
        running_mqtt_site(folder / "data", environment=database.environment) as site,
    ):
        starts = range(0, devices * rounds, devices)
        for what, seconds, server_s, database_s in _measure(site, starts, devices, database):
            each_us = 1e6 / (devices * rounds)
            print(
                f"{devices:,} {what} devices in a message: PUBACK after {median(seconds) * 1e3:,.0f} ms "
                f"(at most {max(seconds) * 1e3:,.0f}); processors: server {server_s * each_us:.0f} µs "
                f"a device, database {database_s * each_us:.0f} µs"
            )


if __name__ == "__main__":
    typer.run(main)
