"""The bus as `deedbox serve` opens it: from settings, over TLS, with metrics, with NATS and without."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deedbox.cluster.local import LocalBus
from deedbox.cluster.settings import NatsSettings
from deedbox.config.loading import load
from deedbox.config.sources import BadSettings
from deedbox.main.bus import opened_bus
from deedbox.main.failures import CannotStart
from deedbox.serving.metrics import Metrics
from deedbox.testing.bus_suite import until
from tests.certificates import MadeCertificate, make_certificate
from tests.cluster.nats_server import NatsServer
from tests.server_process import RunningServer, running_server

PASSWORD = "a-password-nobody-may-see"


def figure(metrics: str, name: str) -> float:
    """The value of a metric without labels."""
    found = [line for line in metrics.splitlines() if line.startswith(f"{name} ")]
    return float(found[0].split()[1])


@pytest.fixture
def certificate(tmp_path: Path) -> MadeCertificate:
    return make_certificate(tmp_path / "tls")


@pytest.fixture
def tls_server(tmp_path: Path, certificate: MadeCertificate) -> Iterator[NatsServer]:
    files = ("--tlscert", str(certificate.certificate), "--tlskey", str(certificate.key))
    server = NatsServer(tmp_path / "nats.log", "--tls", *files, "--user", "anna", "--pass", PASSWORD)
    server.start()
    yield server
    server.kill()


def url_of(server: NatsServer) -> str:
    return f"tls://anna:{PASSWORD}@127.0.0.1:{server.port}"


async def test_nats_is_reached_over_tls(tls_server: NatsServer, certificate: MadeCertificate) -> None:
    metrics = Metrics()
    settings = NatsSettings(url_of(tls_server), str(certificate.certificate))
    async with opened_bus(settings, metrics) as bus:
        await until(lambda: bus.is_whole)
        assert figure(metrics.page().decode(), "deedbox_bus_connected") == 1
    assert figure(metrics.page().decode(), "deedbox_bus_connections_total") == 1
    assert figure(metrics.page().decode(), "deedbox_bus_connected") == 0


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened_bus(NatsSettings(url_of(tls_server)), Metrics()) as bus:
        await until(lambda: "certificate verify failed" in caplog.text)
        assert not bus.is_whole
    assert PASSWORD not in caplog.text


async def test_a_file_that_holds_no_certificates_stops_the_start(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", Path(__file__)):
        with pytest.raises(CannotStart, match="can't be read as PEM"):
            async with opened_bus(NatsSettings("nats://127.0.0.1:1", str(path)), Metrics()):
                pass


async def test_without_nats_a_node_is_alone() -> None:
    metrics = Metrics()
    async with opened_bus(NatsSettings(), metrics) as bus:
        assert isinstance(bus, LocalBus)
    assert figure(metrics.page().decode(), "deedbox_bus_connected") == 1


def test_a_url_that_does_not_fit_stops_the_start_and_is_not_shown() -> None:
    with pytest.raises(BadSettings, match="expected nats://HOST:PORT") as raised:
        load({}, {"DEEDBOX_NATS_URL": f"http://anna:{PASSWORD}@nats.example"})
    assert PASSWORD not in str(raised.value)


def _metrics(server: RunningServer) -> str:
    with urllib.request.urlopen(f"{server.base_url}/metrics") as answer:
        return bytes(answer.read()).decode()


async def test_a_server_starts_without_nats_and_connects_when_it_comes(tmp_path: Path) -> None:
    nats = NatsServer(tmp_path / "nats.log", "--user", "anna", "--pass", PASSWORD)
    url = f"nats://anna:{PASSWORD}@127.0.0.1:{nats.port}"
    with running_server(tmp_path / "data", "--nats-url", url) as server:  # /readyz answers 200
        assert figure(_metrics(server), "deedbox_bus_connected") == 0
        nats.start()
        try:
            await until(lambda: figure(_metrics(server), "deedbox_bus_connected") == 1)
            assert server.stop() == 0
        finally:
            nats.kill()
    log = server.log.read_text()
    assert "NATS is out of reach" in log
    assert "connected to NATS" in log
    assert PASSWORD not in log
