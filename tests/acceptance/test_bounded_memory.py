"""Clients that send and never read, over real sockets: what waits for them stays small, others are served."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from deedbox.transports.mqtt import encoding
from deedbox.transports.mqtt.packets import Connect, Publish, Subscribe, Subscription
from tests.conformance.mqtt_site import HOST, MadeDevice, MqttSite, running_mqtt_site

#: More than any of these would need, and far less than what they ask to be kept.
MOST_GROWTH_BYTES = 96 * 2**20
LARGE = "x" * 50_000
LONGEST_WAIT_S = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttSite]:
    with running_mqtt_site(tmp_path_factory.mktemp("bounded") / "data") as running:
        yield running


def memory_bytes(site: MqttSite) -> int:
    """What the server takes of the machine's memory now."""
    lines = Path(f"/proc/{site.server.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(it.split()[1]) * 1024 for it in lines if it.startswith("VmRSS"))


def deaf(port: int) -> socket.socket:
    """A connection with a small buffer, from which nobody will ever read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.settimeout(1)
    made.connect((HOST, port))
    return made


def flood(wire: socket.socket, data: bytes, most_bytes: int) -> int:
    """Send again and again until the server takes no more or is gone; return how much went."""
    sent = 0
    with suppress(TimeoutError, ConnectionError):
        while sent < most_bytes:
            sent += wire.send(data)
    return sent


def signed_in(site: MqttSite, device: MadeDevice) -> socket.socket:
    """A device's MQTT connection of which nothing is read any more."""
    wire = deaf(site.port)
    wire.sendall(encoding.encode(Connect(4, client_id="deaf", username=device.token), 4))
    return wire


def test_answers_over_http_that_nobody_reads(site: MqttSite) -> None:
    """Requests far ahead of their turn end the connection."""
    device = site.new_device()
    site.share(device, large=LARGE)
    before = memory_bytes(site)
    ask = f"GET /api/v1/{device.token}/attributes?sharedKeys=large HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for _ in range(5):
        with closing(deaf(site.server.port)) as wire:
            flood(wire, ask * 100, 4 * 2**20)
    assert site.latest(device, "t") == {}, "others are served"
    assert memory_bytes(site) - before < MOST_GROWTH_BYTES


def test_requests_ahead_of_their_turn_are_answered_in_order(site: MqttSite) -> None:
    """Who reads the answers may send a hundred requests at once."""
    device = site.new_device()
    site.share(device, **{f"n{number}": number for number in range(100)})
    asked = [
        f"GET /api/v1/{device.token}/attributes?sharedKeys=n{it} HTTP/1.1\r\nHost: x\r\n\r\n"
        for it in range(100)
    ]
    with socket.create_connection((HOST, site.server.port), timeout=LONGEST_WAIT_S) as wire:
        wire.sendall("".join(asked).encode())
        answers = b""
        while answers.count(b'{"shared":') < 100 and (piece := wire.recv(65_536)):
            answers += piece
    assert re.findall(rb'"n(\d+)":', answers) == [str(it).encode() for it in range(100)]


def test_polls_that_nobody_reads(site: MqttSite) -> None:
    """Long polls one behind the other on one connection: changes meanwhile are kept once, not for each."""
    device = site.new_device()
    before = memory_bytes(site)
    path = f"/api/v1/{device.token}/attributes/updates?timeout=20000"
    ask = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with closing(deaf(site.server.port)) as wire:
        wire.sendall(ask * 50)
        for number in range(60):
            site.share(device, large=f"{number} {LARGE}")
        assert memory_bytes(site) - before < MOST_GROWTH_BYTES


def test_messages_whose_acknowledgements_nobody_reads(site: MqttSite) -> None:
    """Telemetry as fast as it is taken, without reading a single PUBACK."""
    device, other = site.new_device(), site.new_device()
    before = memory_bytes(site)
    message = encoding.encode(Publish("v1/devices/me/telemetry", b'{"t": 1}', 1, 1), 4)
    with closing(signed_in(site, device)) as wire:
        assert flood(wire, message * 500, 4 * 2**20) > 2**19
        assert site.latest(other, "t") == {}, "others are served"
        assert site.latest(device, "t") == {"t": 1}, "and what was taken is stored"
        assert memory_bytes(site) - before < MOST_GROWTH_BYTES


def test_changes_that_a_device_does_not_read(site: MqttSite) -> None:
    """Behind a full socket waits a mebibyte at most; then the device is let go."""
    device = site.new_device()
    with closing(signed_in(site, device)) as wire:
        change_until_gone(site, device, wire)


def change_until_gone(site: MqttSite, device: MadeDevice, wire: socket.socket) -> None:
    """Share large values until the device that reads none of them is let go."""
    topic = Subscription("v1/devices/me/attributes", 0)
    wire.sendall(encoding.encode(Subscribe(1, [topic]), 4))
    before, give_up_at = memory_bytes(site), time.monotonic() + LONGEST_WAIT_S
    number = 0
    while not is_gone(wire) and time.monotonic() < give_up_at:
        number += 1
        site.share(device, large=f"{number} {LARGE}")
    assert is_gone(wire)
    assert number > 10, "what fits into sockets and the mebibyte is kept"
    assert memory_bytes(site) - before < MOST_GROWTH_BYTES


def is_gone(wire: socket.socket) -> bool:
    """Tell whether the server has let the connection go: a ping can't be sent any more."""
    try:
        wire.send(encoding.PINGREQ)
    except ConnectionError:
        return True
    return False
