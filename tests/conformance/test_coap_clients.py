"""libcoap's coap-client, and aiocoap, at a real server: what firmware and scripts are written with."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from aiocoap import CONTENT, CREATED, GET, POST, VALID, Context, Message, Reliable, Unreliable

from tests.conformance.mqtt_site import (
    HOST,
    LONGEST_WAIT_S,
    MadeDevice,
    MqttSite,
    running_mqtt_site,
    wait_until,
)
from tests.ports import free_port

BIG = {f"value-{number}": number for number in range(400)}
WINDOW = {"secretKey": "value", "durationMs": 60_000}


class CoapPlace(NamedTuple):
    """A server, and the port at which it serves CoAP."""

    site: MqttSite
    port: int

    def url(self, made: MadeDevice, path: str) -> str:
        """The address of something of a device."""
        return f"coap://{HOST}:{self.port}/api/v1/{made.token}/{path}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoapPlace]:
    """A server of this module's own that listens for CoAP."""
    port = free_port()
    folder = tmp_path_factory.mktemp("server") / "data"
    with running_mqtt_site(folder, "--coap", f"{HOST}:{port}") as site:
        yield CoapPlace(site, port)


@pytest.fixture
def device(place: CoapPlace) -> MadeDevice:
    """A new device that nobody owns."""
    return place.site.new_device()


def coap_client(*arguments: str, sent: str | None = None) -> str:
    """What a line in a shell prints, errors and all."""
    line = ["coap-client-notls", *arguments]
    done = subprocess.run(
        line, input=sent, capture_output=True, text=True, timeout=LONGEST_WAIT_S, check=True
    )
    return (done.stdout + done.stderr).strip()


@contextmanager
def observing(url: str) -> Iterator[Callable[[], str]]:
    """A line in another terminal that observes; yields what waits for its next line."""
    line = ["stdbuf", "--output=L", "coap-client-notls", "-w", "-s", str(LONGEST_WAIT_S), url]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline
        finally:
            process.kill()


@pytest.mark.parametrize("options", [[], ["-N"], ["-b", "64"], ["-t", "json"]])
def test_telemetry_with_libcoap(place: CoapPlace, device: MadeDevice, options: list[str]) -> None:
    """Stored when the line ends, in one datagram or many (thingsboard §2.4)."""
    sent = json.dumps(BIG)
    assert coap_client(*options, "-m", "post", "-f", "-", place.url(device, "telemetry"), sent=sent) == ""
    if "-N" in options:  # whose blocks libcoap sends without waiting for the last answer
        wait_until(lambda: place.site.latest(device, "value-399") == {"value-399": 399}, "the value")
    assert place.site.latest(device, *BIG) == BIG


def test_a_claim_with_libcoap(place: CoapPlace, device: MadeDevice) -> None:
    """Behaviour §2.5, §4"""
    url = place.url(device, "claim")
    told = json.loads(coap_client("-m", "post", "-e", json.dumps(WINDOW), url))
    assert told["accepted"] is True
    assert place.site.claim(device, "wrong").json() == "FAILURE"
    assert place.site.claim(device, "value").json()["response"] == "SUCCESS"
    assert json.loads(coap_client("-m", "post", url)) == {"accepted": False, "reason": "owned"}
    assert coap_client("-m", "post", "-e", "[1]", url).startswith("4.00 A claim message is")
    assert coap_client("-m", "post", place.url(device._replace(token="nobody"), "claim")) == "4.01"


def test_attributes_with_libcoap(place: CoapPlace, device: MadeDevice) -> None:
    """Short ones, long ones in blocks, changes as they come (thingsboard §3.3)."""
    place.site.share(device, interval=5)
    with observing(place.url(device, "attributes")) as line:
        assert json.loads(line()) == {"interval": 5}
        place.site.share(device, interval=6)
        assert json.loads(line()) == {"interval": 6}
        place.site.share(device, long="x" * 3_000)
        assert json.loads(line()) == {"long": "x" * 3_000}
    coap_client("-m", "post", "-e", '{"firmware":"one"}', place.url(device, "attributes"))
    assert place.site.attributes(device, "CLIENT_SCOPE") == {"firmware": "one"}
    some = coap_client("-m", "get", place.url(device, "attributes?clientKeys=firmware&sharedKeys=interval"))
    assert json.loads(some) == {"client": {"firmware": "one"}, "shared": {"interval": 6}}
    everything = coap_client("-m", "get", "-b", "128", place.url(device, "attributes"))
    assert json.loads(everything)["shared"] == {"interval": 6, "long": "x" * 3_000}


def test_a_command_with_libcoap(place: CoapPlace, device: MadeDevice) -> None:
    """One terminal hears the command, another replies (thingsboard §6.7)."""
    with observing(place.url(device, "rpc")) as line:
        answered = place.site.command(device, "setLamp", {"on": True})
        command = json.loads(line())
        assert (command["method"], command["params"]) == ("setLamp", {"on": True})
        reply = place.url(device, f"rpc/{command['id']}")
        assert coap_client("-m", "post", "-e", '{"lamp":"on"}', reply) == ""
        assert answered.result().json() == {"lamp": "on"}


@pytest.fixture
async def client() -> AsyncIterator[Context]:
    """An aiocoap client."""
    context = await Context.create_client_context(transports=["udp6"])
    yield context
    await context.shutdown()


async def answer(client: Context, message: Message) -> Message:
    """The answer to a message."""
    async with asyncio.timeout(LONGEST_WAIT_S):
        return await client.request(message).response


@pytest.mark.parametrize("kind", [Reliable, Unreliable])
async def test_telemetry_with_aiocoap(
    place: CoapPlace, device: MadeDevice, client: Context, kind: Any
) -> None:
    """In one datagram and in many (thingsboard §2.4)."""
    for sent in ({"temperature": 21.5}, BIG):
        payload, url = json.dumps(sent).encode(), place.url(device, "telemetry")
        told = await answer(client, Message(code=POST, transport_tuning=kind, uri=url, payload=payload))
        assert (told.code, told.payload) == (CREATED, b"")
        assert place.site.latest(device, *sent) == sent


async def test_scenario_s_with_aiocoap(place: CoapPlace, device: MadeDevice, client: Context) -> None:
    """Thingsboard §11: an offer that ends at once, then one that is claimed."""
    url = place.url(device, "claim")
    for duration_ms, expected in ((1, 400), (60_000, 200)):
        offer = json.dumps(WINDOW | {"durationMs": duration_ms}).encode()
        assert (await answer(client, Message(code=POST, uri=url, payload=offer))).code == CREATED
        await asyncio.sleep(0.002)  # longer than the first one lasts
        assert place.site.claim(device, "value").status_code == expected
    assert place.site.claim(device, "value").json() == "CLAIMED"


async def test_attributes_with_aiocoap(place: CoapPlace, device: MadeDevice, client: Context) -> None:
    """Long ones in blocks; changes while it observes, long ones too."""
    place.site.share(device, long="x" * 3_000)
    url = place.url(device, "attributes")
    whole = await answer(client, Message(code=GET, uri=url))
    assert json.loads(whole.payload) == {"shared": {"long": "x" * 3_000}}
    observed = client.request(Message(code=GET, uri=url, observe=0))
    changes = aiter(observed.observation)
    async with asyncio.timeout(LONGEST_WAIT_S):
        assert json.loads((await observed.response).payload) == {"long": "x" * 3_000}
        place.site.share(device, interval=1)
        changed = await anext(changes)
        assert (changed.code, json.loads(changed.payload)) == (CONTENT, {"interval": 1})
        place.site.share(device, long="y" * 3_000)
        assert json.loads((await anext(changes)).payload) == {"long": "y" * 3_000}
    observed.observation.cancel()


async def test_a_command_with_aiocoap(place: CoapPlace, device: MadeDevice, client: Context) -> None:
    """See thingsboard §6.7"""
    observed = client.request(Message(code=GET, uri=place.url(device, "rpc"), observe=0))
    commands = aiter(observed.observation)
    async with asyncio.timeout(LONGEST_WAIT_S):
        assert (await observed.response).code == VALID
        answered = place.site.command(device, "setLamp", {"on": True})
        command = json.loads((await anext(commands)).payload)
        url = place.url(device, f"rpc/{command['id']}")
        assert (await answer(client, Message(code=POST, uri=url, payload=b'{"lamp":"on"}'))).code == CREATED
        reply = await asyncio.wrap_future(answered)
        assert reply.json() == {"lamp": "on"}
    observed.observation.cancel()
