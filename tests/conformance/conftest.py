"""What the conformance tests share: a server that real clients talk to."""

from collections.abc import Iterator

import pytest

from tests.conformance.mqtt_site import MadeDevice, MqttSite, running_mqtt_site
from tests.conformance.told_story import GENERATIONS, Story, tell_story
from tests.server_process import ServerAddress, running_server


@pytest.fixture(scope="session", params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """Which generation of ThingsBoard's Python client tells its story."""
    version: str = request.param
    return version


@pytest.fixture(scope="session")
def story(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The whole story of one generation, told once for all tests to a server of its own."""
    with running_server(tmp_path_factory.mktemp(f"for-{generation}") / "data") as running:
        return tell_story(running.address, generation)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerAddress]:
    """(base URL, e-mail, password) of a server of this module's own."""
    with running_server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running.address


@pytest.fixture(scope="module")
def mqtt_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttSite]:
    """A server of this module's own that listens for MQTT, with a maker and an owner."""
    with running_mqtt_site(tmp_path_factory.mktemp("server") / "data") as site:
        yield site


@pytest.fixture
def made(mqtt_site: MqttSite) -> MadeDevice:
    """A new device that nobody owns."""
    return mqtt_site.new_device()
