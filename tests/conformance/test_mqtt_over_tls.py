"""MQTT over TLS: the same for Paho and for Mosquitto's tools, which check the server's certificate."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTProtocolVersion

from tests.certificates import MadeCertificate, make_certificate
from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.paho_device import V5, V31, V311, connected
from tests.ports import free_port

TELEMETRY = "v1/devices/me/telemetry"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> MadeCertificate:
    """A certificate for the server's address, which signs itself."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def mqtt_site(tmp_path_factory: pytest.TempPathFactory, certificate: MadeCertificate) -> Iterator[MqttSite]:
    """A server whose clients are to use the port with TLS."""
    port = free_port()
    files = ("--tls-certificate", str(certificate.certificate), "--tls-key", str(certificate.key))
    options = ("--mqtts", f"{HOST}:{port}", *files)
    with running_mqtt_site(tmp_path_factory.mktemp("server") / "data", *options) as site:
        site.port = port
        yield site


@pytest.mark.parametrize("protocol", [V31, V311, V5], ids=["3.1", "3.1.1", "5"])
def test_paho(
    mqtt_site: MqttSite, made: MadeDevice, certificate: MadeCertificate, protocol: MQTTProtocolVersion
) -> None:
    """Messages of all sizes (behaviour §2.6)."""
    values = {"small": 1, "large": "x" * 40_000}

    def trust(client: Client) -> None:
        client.tls_set(str(certificate.certificate))

    with connected(mqtt_site, made, protocol, prepare=trust) as device:
        sent = [device.send(TELEMETRY, {key: value}) for key, value in values.items()]
        assert [device.acknowledged(each).reason for each in sent] == [0, 0]
    assert mqtt_site.latest(made, *values) == values


def mosquitto_pub(site: MqttSite, made: MadeDevice, trusted: Path) -> "subprocess.CompletedProcess[str]":
    """The line of ThingsBoard's documentation, pasted into a shell."""
    line = 'mosquitto_pub --cafile "$CA" -d -q 1 -h "$HOST" -p "$PORT" -t "v1/devices/me/telemetry"'
    line += ' -u "$ACCESS_TOKEN" -m {"temperature":25}'
    shell = {"CA": str(trusted), "HOST": HOST, "PORT": str(site.port), "ACCESS_TOKEN": made.token}
    shell |= {"PATH": os.environ["PATH"], "HOME": str(trusted.parent)}
    return subprocess.run(
        ["bash", "-c", line],
        env=shell,
        check=False,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT_S,
    )


def test_mosquitto_pub(mqtt_site: MqttSite, made: MadeDevice, certificate: MadeCertificate) -> None:
    """See thingsboard §2.2"""
    assert mosquitto_pub(mqtt_site, made, certificate.certificate).returncode == 0
    assert mqtt_site.latest(made, "temperature") == {"temperature": 25}


def test_a_client_that_trusts_somebody_else(mqtt_site: MqttSite, made: MadeDevice, tmp_path: Path) -> None:
    """It does not say its token (ux §5.2)."""
    done = mosquitto_pub(mqtt_site, made, make_certificate(tmp_path).certificate)
    assert done.returncode != 0
    assert mqtt_site.latest(made, "temperature") == {}
