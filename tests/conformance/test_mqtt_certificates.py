"""Devices that prove themselves by certificates over TLS: Paho and Mosquitto's tools, a server as it runs."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from paho.mqtt.client import Client

from tests.certificates import Authority, MadeCertificate, make_certificate
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.paho_device import V5, V311, connected
from tests.conformance.rest_people import get, post
from tests.ports import free_port

NOT_AUTHORIZED = 0x87
TELEMETRY = "v1/devices/me/telemetry"


class Certificates(NamedTuple):
    """The server's own, who signs devices', and a device's that signs itself and is trusted all the same."""

    server: MadeCertificate
    factory: Authority
    alone: MadeCertificate


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    alone = make_certificate(folder / "alone")
    return Certificates(make_certificate(folder / "server"), Authority(folder / "factory"), alone)


@pytest.fixture(scope="module")
def mqtt_site(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[MqttSite]:
    """A server that takes certificates of devices."""
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    trusted = folder / "trusted.pem"
    known = (certificates.factory.certificate, certificates.alone.certificate)
    trusted.write_text("".join(it.read_text() for it in known))
    own = certificates.server
    files = ("--tls-certificate", str(own.certificate), "--tls-key", str(own.key))
    options = ("--mqtts", f"{HOST}:{port}", *files)
    environment = {"DEEDBOX_MQTTS_CLIENT_CA_FILE": str(trusted)}
    with running_mqtt_site(folder / "data", *options, environment=environment) as site:
        site.port = port
        yield site


def give(site: MqttSite, made: MadeDevice, certificate: MadeCertificate) -> None:
    """Make the certificate the device's credentials."""
    body = {"credentialsType": "X509_CERTIFICATE", "credentialsValue": certificate.certificate.read_text()}
    post(site.maker, "/api/device/credentials", {"deviceId": {"entityType": "DEVICE", "id": made.id}, **body})


def chain_profile(site: MqttSite, signer: Authority) -> None:
    """A profile of the maker's that lets in whoever this one has signed for."""
    configuration = {
        "type": "X509_CERTIFICATE_CHAIN",
        "provisionDeviceSecret": signer.certificate.read_text(),
        "certificateRegExPattern": r"(.*)\.example\.com",
        "allowCreateNewDevicesByX509Certificate": True,
    }
    body = {"name": signer.certificate.stem, "provisionType": "X509_CERTIFICATE_CHAIN"}
    post(site.maker, "/api/deviceProfile", body | {"profileData": {"provisionConfiguration": configuration}})


def made_by_chain(site: MqttSite, name: str) -> MadeDevice:
    """A device that made itself."""
    found = get(site.maker, "/api/tenant/devices", deviceName=name)
    return MadeDevice(name, found["id"]["id"], "")


def pub(site: MqttSite, server: MadeCertificate, own: MadeCertificate | None, *more: str) -> int:
    """The exit code of Mosquitto's tool, which waits for the acknowledgement."""
    files = ("--cert", str(own.certificate), "--key", str(own.key)) if own else ()
    where = ("--cafile", str(server.certificate), "-h", HOST, "-p", str(site.port))
    line = ("mosquitto_pub", *where, *files, "-q", "1", "-t", TELEMETRY, "-m", '{"temperature":25}', *more)
    return subprocess.run(line, check=False, capture_output=True, timeout=LONGEST_WAIT_S).returncode


@pytest.mark.parametrize("is_alone", [False, True], ids=["signed", "alone"])
def test_mosquitto_pub(
    mqtt_site: MqttSite, made: MadeDevice, certificates: Certificates, is_alone: bool
) -> None:
    """The line of ThingsBoard's documentation: no user name (thingsboard §2.2)."""
    own = certificates.alone if is_alone else certificates.factory.device(made.name)
    assert pub(mqtt_site, certificates.server, own) != 0  # nobody's yet
    give(mqtt_site, made, own)
    assert pub(mqtt_site, certificates.server, own) == 0
    assert pub(mqtt_site, certificates.server, own, "-V", "mqttv5") == 0
    assert mqtt_site.latest(made, "temperature") == {"temperature": 25}


def test_a_certificate_of_nobody_we_know(
    mqtt_site: MqttSite, made: MadeDevice, certificates: Certificates, tmp_path: Path
) -> None:
    """Signed by another factory of the same name, and by itself: both are turned away, whoever has them."""
    for own in (Authority(tmp_path / "other").device(made.name), make_certificate(tmp_path / "self")):
        give(mqtt_site, made, own)
        assert pub(mqtt_site, certificates.server, own) != 0
    assert mqtt_site.latest(made, "temperature") == {}


def test_tokens_work_with_and_without_a_certificate(
    mqtt_site: MqttSite, made: MadeDevice, certificates: Certificates
) -> None:
    own = certificates.factory.device(f"{made.name}-spare")
    assert pub(mqtt_site, certificates.server, None, "-u", made.token) == 0
    assert pub(mqtt_site, certificates.server, own, "-u", made.token) == 0
    assert pub(mqtt_site, certificates.server, None) != 0


@pytest.mark.parametrize("protocol", [V311, V5], ids=["3.1.1", "5"])
def test_another_certificate_ends_the_session(
    mqtt_site: MqttSite, made: MadeDevice, certificates: Certificates, protocol: Any
) -> None:
    """Paho stays connected until the tenant replaces what it came with."""
    own = certificates.factory.device(f"{made.name}-{protocol}")
    give(mqtt_site, made, own)

    def trust(client: Client) -> None:
        client.tls_set(str(certificates.server.certificate), str(own.certificate), str(own.key))

    with connected(mqtt_site, made, protocol, prepare=trust) as device:
        assert device.acknowledged(device.send(TELEMETRY, {"a": 1})).reason == 0
        give(mqtt_site, made, certificates.factory.device(f"{made.name}-{protocol}-next"))
        ended = device.ended()
        assert ended.said == (protocol is V5)
        assert not ended.said or ended.reason == NOT_AUTHORIZED
    assert pub(mqtt_site, certificates.server, own) != 0


def test_a_chain_makes_its_device(mqtt_site: MqttSite, certificates: Certificates, tmp_path: Path) -> None:
    """Thingsboard §7: a signer that no file of the server knows, only a profile; over two levels."""
    root = Authority(tmp_path, "root")
    line = Authority(tmp_path, "line", root)
    own = line.device_with_chain("valve.example.com", root)
    assert pub(mqtt_site, certificates.server, own) != 0
    chain_profile(mqtt_site, root)
    assert pub(mqtt_site, certificates.server, own) == 0
    assert pub(mqtt_site, certificates.server, own, "-V", "mqttv5") == 0
    assert mqtt_site.latest(made_by_chain(mqtt_site, "valve"), "temperature") == {"temperature": 25}
    alone = MadeCertificate(own.certificate.with_suffix(".crt"), own.key)
    assert pub(mqtt_site, certificates.server, alone) != 0  # nobody in the server's file vouches for it


@pytest.mark.parametrize("protocol", [V311, V5], ids=["3.1.1", "5"])
def test_a_newer_certificate_ends_the_session_of_the_older(
    mqtt_site: MqttSite, certificates: Certificates, tmp_path: Path, protocol: Any
) -> None:
    signer, name = Authority(tmp_path, f"signer-{protocol}"), f"pump-{protocol}"
    chain_profile(mqtt_site, signer)
    old, new = (signer.device_with_chain(f"{name}.example.com", age_days=it) for it in (2, 1))
    assert pub(mqtt_site, certificates.server, old) == 0

    def trust(client: Client) -> None:
        client.tls_set(str(certificates.server.certificate), str(old.certificate), str(old.key))

    with connected(mqtt_site, made_by_chain(mqtt_site, name), protocol, prepare=trust) as device:
        assert device.acknowledged(device.send(TELEMETRY, {"a": 1})).reason == 0
        assert pub(mqtt_site, certificates.server, new) == 0
        assert device.ended()
    assert pub(mqtt_site, certificates.server, old) != 0
