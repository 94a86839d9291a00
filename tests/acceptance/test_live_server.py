"""WebSockets of a real server process: encrypted, with bad frames, and while it stops."""

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.certificates import make_certificate
from tests.conformance.rest_people import get, new_maker, post
from tests.ports import free_port
from tests.server_process import RunningServer, running_server


class Site(NamedTuple):
    """A server, its maker's token, and a device."""

    server: RunningServer
    https: str
    token: str
    device_id: str
    access_token: str

    @contextmanager
    def live(self, scheme: str = "ws") -> Iterator[ClientConnection]:
        """A WebSocket of the maker's that follows the device."""
        address = self.server.base_url.replace("http", "ws", 1) if scheme == "ws" else self.https
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        encrypted: Any = {"ssl": trusting} if scheme == "wss" else {}
        follow = {"type": "TIMESERIES", "cmdId": 1, "entityType": "DEVICE", "entityId": self.device_id}
        with connect(f"{address}/api/ws", proxy=None, **encrypted) as connection:
            connection.send(json.dumps({"authCmd": {"cmdId": 0, "token": self.token}, "cmds": [follow]}))
            assert json.loads(connection.recv())["errorCode"] == 0
            yield connection

    def measure(self, **values: object) -> None:
        """Send telemetry as the device does."""
        address = f"{self.server.base_url}/api/v1/{self.access_token}/telemetry"
        httpx.post(address, json=values, timeout=60, trust_env=False).raise_for_status()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tmp_path = tmp_path_factory.mktemp("live")
    certificate, key = make_certificate(tmp_path)
    https = f"127.0.0.1:{free_port()}"
    tls = ("--https", https, "--tls-certificate", str(certificate), "--tls-key", str(key))
    with running_server(tmp_path / "data", *tls, environment={"DEEDBOX_LOG_LEVEL": "debug"}) as server:
        maker = new_maker(server.address)
        device_id = post(maker, "/api/device", {"name": "Lamp"})["id"]["id"]
        access_token = get(maker, f"/api/device/{device_id}/credentials")["credentialsId"]
        token = maker.headers["X-Authorization"].removeprefix("Bearer ")
        maker.close()
        yield Site(server, f"wss://{https}", token, device_id, access_token)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_values_arrive_from_a_real_server(site: Site, scheme: str) -> None:
    """Thingsboard §6.9."""
    with site.live(scheme) as live:
        site.measure(temperature=21.5)
        assert json.loads(live.recv())["data"]["temperature"][0][1] == "21.5"


def test_the_token_in_an_older_address_reaches_no_log(site: Site) -> None:
    """Behaviour §6.6."""
    address = site.server.base_url.replace("http", "ws", 1) + "/api/ws/plugins/telemetry?token="
    with connect(address + site.token, proxy=None) as live:
        live.send("{}")
    with pytest.raises(InvalidStatus, match="401"), connect(address + "a-wrong-token-1234", proxy=None):
        pass
    said = site.server.log.read_text()
    assert site.token not in said and "a-wrong-token-1234" not in said


def test_a_server_that_stops_lets_its_sockets_go(site: Site) -> None:
    with site.live() as live:
        assert site.server.stop() == 0
        with pytest.raises(ConnectionClosed):
            live.recv()
        assert live.close_code == 1012
    site.server.restart()


#: Frames that no client may send, and the code that each is answered with; masked with zeros.
BAD_FRAMES = {
    "a text that is not UTF-8": (b"\x81\x82\0\0\0\0\xff\xfe", 1007),
    "an opcode that there is not": (b"\x83\x80\0\0\0\0", 1002),
    "a frame without a mask": (b"\x81\x01x", 1002),
    "a continuation of nothing": (b"\x80\x80\0\0\0\0", 1002),
    "a control frame in pieces": (b"\x09\x80\0\0\0\0", 1002),
    "more than one may send": (b"\x81\xff" + (2**40).to_bytes(8, "big") + bytes(4), 1009),
    "a length in more bytes than fit": (b"\x81\xff" + b"\xff" * 8 + bytes(4), 1009),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_closes_its_connection_and_no_other(site: Site, name: str) -> None:
    frame, code = BAD_FRAMES[name]
    with site.live() as other, socket.create_connection(("127.0.0.1", site.server.port)) as raw:
        key = base64.b64encode(bytes(16)).decode()
        lines = ["GET /api/ws HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        raw.sendall("\r\n".join(lines).encode())
        answers = raw.makefile("rb")
        while answers.readline() not in (b"\r\n", b""):
            pass
        raw.sendall(frame)
        closing = answers.read(4)
        assert closing[:1] == b"\x88"
        assert int.from_bytes(closing[2:], "big") == code
        site.measure(temperature=1)
        assert json.loads(other.recv())["errorCode"] == 0
    assert "Traceback" not in site.server.log.read_text()
