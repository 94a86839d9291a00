"""mosquitto_pub, mosquitto_sub and mosquitto_rr, as ThingsBoard's documentation uses them, in a shell."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.conformance.mqtt_site import HOST, LONGEST_WAIT_S, MadeDevice, MqttSite, wait_until

# What readers of the documentation type, word for word but for the port, which is 1883 there.
SERVER = '-h "$THINGSBOARD_HOST_NAME" -p "$PORT"'
PUBLISH = f'mosquitto_pub -d -q 1 {SERVER} -t "v1/devices/me/'
AS = '" -u "$ACCESS_TOKEN" '
OBJECT = {"stringKey": "value1", "booleanKey": True, "doubleKey": 42.0, "longKey": 73}
FILES = {
    "object.json": OBJECT,
    "array.json": [{"key1": "value1"}, {"key2": True}],
    "with-ts.json": {"ts": 1451649600512, "values": OBJECT},
}
VERSIONS = pytest.mark.parametrize("version", ["mqttv31", "mqttv311", "mqttv5"])


class Shell:
    """A terminal of somebody who works through the documentation with a device."""

    def __init__(self, site: MqttSite, made: MadeDevice, folder: str) -> None:
        variables = {"THINGSBOARD_HOST_NAME": HOST, "PORT": str(site.port), "ACCESS_TOKEN": made.token}
        self.environment = variables | {"PATH": os.environ["PATH"], "HOME": folder}
        self.folder = folder

    def run(self, line: str) -> "subprocess.CompletedProcess[str]":
        """Paste a line and wait until it is done."""
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_WAIT_S,
            check=False,
        )

    def printed(self, line: str) -> str:
        """What a line prints that must succeed."""
        done = self.run(line)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self, line: str) -> "Iterator[subprocess.Popen[str]]":
        """A line that goes on in another terminal."""
        with subprocess.Popen(
            # A line at a time, as a terminal would show it.
            ["bash", "-c", f"exec stdbuf --output=L {line}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()


@pytest.fixture
def shell(mqtt_site: MqttSite, made: MadeDevice, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A terminal in a folder with the documentation's files."""
    folder = tmp_path_factory.mktemp("shell")
    for name, content in FILES.items():
        (folder / name).write_text(json.dumps(content))
    return Shell(mqtt_site, made, str(folder))


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        ("-m {temperature:25}", {"temperature": 25}),
        ('-m {"temperature":25}', {"temperature": 25}),
        ('-m "{"temperature":42}"', {"temperature": 42}),
        ('-m "{\\"temperature\\":42}"', {"temperature": 42}),
        ('-f "object.json"', OBJECT),
        ('-f "array.json"', {"key1": "value1", "key2": True}),
        ('-f "with-ts.json"', OBJECT),
    ],
)
def test_telemetry(
    mqtt_site: MqttSite, made: MadeDevice, shell: Shell, message: str, stored: dict[str, Any]
) -> None:
    """The line ends when the value is stored, however badly it was quoted (thingsboard §3.3)."""
    assert "received PUBACK" in shell.printed(f"{PUBLISH}telemetry{AS}{message}")
    assert mqtt_site.latest(made, *stored) == stored


@VERSIONS
def test_every_version(mqtt_site: MqttSite, made: MadeDevice, shell: Shell, version: str) -> None:
    """See thingsboard §2.2"""
    shell.printed(f"{PUBLISH}telemetry{AS}-V {version} -m {{level:1}}")
    shell.printed(f"{PUBLISH}attributes{AS}-V {version} -q 2 -m {{firmware:one}}")
    assert mqtt_site.latest(made, "level") == {"level": 1}
    assert mqtt_site.attributes(made, "CLIENT_SCOPE") == {"firmware": "one"}


def test_several_lines_of_one_pipe(mqtt_site: MqttSite, made: MadeDevice, shell: Shell) -> None:
    """A shell script as a device (thingsboard §3.3)."""
    lines = 'seq 1 50 | while read n; do echo "{\\"ts\\":$n,\\"values\\":{\\"n\\":$n}}"; done'
    shell.printed(f"{lines} | {PUBLISH}telemetry{AS}-l")
    assert mqtt_site.points(made, "n") == [(number, number) for number in range(1, 51)]


@VERSIONS
def test_claim(mqtt_site: MqttSite, made: MadeDevice, shell: Shell, version: str) -> None:
    """The line opens a window that the key opens (behaviour §2, §4)."""
    shell.printed(f'{PUBLISH}claim{AS}-V {version} -m \'{{"secretKey":"value","durationMs":60000}}\'')
    assert mqtt_site.claim(made, "wrong").json() == "FAILURE"
    assert mqtt_site.claim(made, "value").json()["response"] == "SUCCESS"


@VERSIONS
def test_shared_attributes(mqtt_site: MqttSite, made: MadeDevice, shell: Shell, version: str) -> None:
    """A terminal that waits for changes (thingsboard §3.3)."""
    line = f"mosquitto_sub -d {SERVER} -q 1 -V {version} -C 1 -t v1/devices/me/attributes -u $ACCESS_TOKEN"
    with shell.running(line) as waiting:
        assert waiting.stdout is not None
        until(waiting.stdout, "Subscribed")
        mqtt_site.share(made, interval=5)
        assert '{"interval":5}' in waiting.stdout.read()
        assert waiting.wait(LONGEST_WAIT_S) == 0


@VERSIONS
def test_commands(mqtt_site: MqttSite, made: MadeDevice, shell: Shell, version: str) -> None:
    """One terminal hears the command, another replies (thingsboard §3.3, §6.7)."""
    topic = "v1/devices/me/rpc/request/+"
    line = f"mosquitto_sub -d -v {SERVER} -q 1 -V {version} -C 1 -t {topic} -u $ACCESS_TOKEN"
    with shell.running(line) as waiting:
        assert waiting.stdout is not None
        until(waiting.stdout, "Subscribed")
        answered = mqtt_site.command(made, "setLamp", {"on": True})
        request = until(waiting.stdout, "v1/devices/me/rpc/request/")
        topic, _, body = request.partition(" ")
        assert json.loads(body) == {"method": "setLamp", "params": {"on": True}}
        number = topic.rpartition("/")[2]
        shell.printed(f'{PUBLISH}rpc/response/{number}{AS}-V {version} -m \'{{"lamp":"on"}}\'')
        assert answered.result().json() == {"lamp": "on"}


def until(output: "Iterator[str]", beginning: str) -> str:
    """The first line that begins so. Raises EOFError when none does."""
    for line in output:
        if line.startswith(beginning):
            return line.strip()
    raise EOFError(f"no line began with {beginning!r}")


@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_questions(mqtt_site: MqttSite, made: MadeDevice, shell: Shell, version: str) -> None:
    """mosquitto_rr asks on one topic and waits on another (thingsboard §3.3)."""
    mqtt_site.share(made, interval=5)
    asked = shell.printed(
        f"mosquitto_rr {SERVER} -q 1 -V {version} -u $ACCESS_TOKEN -t v1/devices/me/attributes/request/1"
        ' -e v1/devices/me/attributes/response/1 -m \'{"sharedKeys":"interval"}\''
    )
    assert json.loads(asked) == {"shared": {"interval": 5}}


@VERSIONS
def test_a_wrong_token(shell: Shell, version: str) -> None:
    """Said in words, and by the exit code (thingsboard §2.2)."""
    shell.environment["ACCESS_TOKEN"] = "nobodys-token"
    done = shell.run(f"{PUBLISH}telemetry{AS}-V {version} -m {{a:1}}")
    assert done.returncode != 0
    assert re.search("(?i)not authori[sz]ed|bad user ?name or password", done.stderr)


def test_a_refused_subscription(shell: Shell) -> None:
    """mosquitto_sub gives up when nothing was granted (ux §6.4)."""
    done = shell.run(f"mosquitto_sub {SERVER} -C 1 -t 'home/#' -u $ACCESS_TOKEN")
    assert "All subscription requests were denied" in done.stderr


def test_quality_of_service_0(mqtt_site: MqttSite, made: MadeDevice, shell: Shell) -> None:
    """What the documentation's older lines use: stored soon after (thingsboard §2.2)."""
    line = f"{PUBLISH}telemetry{AS}-m {{level:1}}".replace("-q 1", "-q 0")
    shell.printed(line)
    wait_until(lambda: mqtt_site.latest(made, "level") == {"level": 1}, "the value")
