"""libcoap's coap-client over DTLS, at a real server: devices with certificates, and with tokens."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.certificates import Authority, MadeCertificate, make_certificate
from tests.conformance.mqtt_site import (
    HOST,
    LONGEST_WAIT_S,
    MadeDevice,
    MqttSite,
    running_mqtt_site,
    wait_until,
)
from tests.conformance.rest_people import post
from tests.ports import free_port

WINDOW = {"secretKey": "value", "durationMs": 60_000}


class DtlsPlace(NamedTuple):
    """A server that serves CoAP over DTLS, and who signs devices' certificates."""

    site: MqttSite
    port: int
    server: MadeCertificate
    factory: Authority

    def line(self, path: str, own: MadeCertificate | None = None) -> list[str]:
        """A line in a shell that looks at the server's certificate and may show one."""
        files = ["-c", str(own.certificate), "-j", str(own.key)] if own else []
        where = f"coaps://{HOST}:{self.port}/api/v1/{path}"
        return ["coap-client-openssl", "-C", str(self.server.certificate), *files, where]

    def post(self, path: str, sent: object, own: MadeCertificate | None = None) -> str:
        """What is printed when something is posted, errors and all."""
        line = [*self.line(path, own), "-m", "post", "-f", "-"]
        text = json.dumps(sent)
        done = subprocess.run(
            line, input=text, capture_output=True, text=True, timeout=LONGEST_WAIT_S, check=True
        )
        return (done.stdout + done.stderr).strip()

    def sessions(self) -> int:
        """How many sessions the server measures."""
        page = self.site.maker.get("/metrics").text
        found = re.findall(
            r'^deedbox_places_taken\{[^}]*kind="dtls_sessions"[^}]*\} (\d+)', page, re.MULTILINE
        )
        assert found
        return sum(map(int, found))

    def give(self, made: MadeDevice, certificate: MadeCertificate) -> None:
        """Make the certificate the device's credentials."""
        body = {
            "deviceId": {"entityType": "DEVICE", "id": made.id},
            "credentialsType": "X509_CERTIFICATE",
            "credentialsValue": certificate.certificate.read_text(),
        }
        post(self.site.maker, "/api/device/credentials", body)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DtlsPlace]:
    """A server of this module's own that speaks CoAP over DTLS only."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    server = make_certificate(folder / "own")
    files = ("--tls-certificate", str(server.certificate), "--tls-key", str(server.key))
    with running_mqtt_site(folder / "data", "--coaps", f"{HOST}:{port}", *files) as site:
        yield DtlsPlace(site, port, server, Authority(folder / "factory"))


@pytest.fixture
def device(place: DtlsPlace) -> MadeDevice:
    """A new device that nobody owns."""
    return place.site.new_device()


def test_a_claim_with_a_certificate(place: DtlsPlace, device: MadeDevice) -> None:
    """Thingsboard §2.4: the certificate takes the place of the token in the path."""
    own = place.factory.device(device.name)
    assert place.post("claim", WINDOW, own) == "4.01"  # nobody's yet
    place.give(device, own)
    assert json.loads(place.post("claim", WINDOW, own))["accepted"] is True
    assert place.site.claim(device, "wrong").json() == "FAILURE"
    assert place.site.claim(device, "value").json()["response"] == "SUCCESS"
    assert json.loads(place.post("claim", WINDOW, own)) == {"accepted": False, "reason": "owned"}


def test_a_certificate_that_was_replaced(place: DtlsPlace, device: MadeDevice) -> None:
    old, new = (place.factory.device(device.name, age_days=it) for it in (2, 1))
    for own in (old, new):
        place.give(device, own)
        assert place.post("telemetry", {"temperature": 25}, own) == ""
    assert place.post("telemetry", {"temperature": 26}, old) == "4.01"
    assert place.site.latest(device, "temperature") == {"temperature": 25}


@pytest.mark.parametrize("has_certificate", [False, True], ids=["without", "beside"])
def test_telemetry_with_a_token(place: DtlsPlace, device: MadeDevice, has_certificate: bool) -> None:
    """In many datagrams, without a certificate or beside one that is nobody's."""
    own = place.factory.device(f"{device.name}-spare") if has_certificate else None
    sent = {f"value-{number}": number for number in range(200)}
    assert place.post(f"{device.token}/telemetry", sent, own) == ""
    assert place.site.latest(device, *sent) == sent
    assert place.post("nobody/telemetry", sent, own) == "4.01"
    assert place.post("telemetry", sent, own) == "4.01"


def test_observing_with_a_certificate(place: DtlsPlace, device: MadeDevice) -> None:
    """Changes come by the session, which is measured until the client says good-bye (thingsboard §2.4)."""
    own = place.factory.device(device.name)
    place.give(device, own)
    place.site.share(device, interval=5)
    wait_until(lambda: place.sessions() == 0, "no session of others")
    line = ["stdbuf", "--output=L", *place.line("attributes", own), "-w", "-s", str(LONGEST_WAIT_S)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"interval": 5}
        place.site.share(device, interval=6)
        assert json.loads(process.stdout.readline()) == {"interval": 6}
        assert place.sessions() == 1
        process.send_signal(signal.SIGINT)
    wait_until(lambda: place.sessions() == 0, "the end of the session")
