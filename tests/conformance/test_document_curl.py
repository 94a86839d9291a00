"""The curl lines of ThingsBoard's documentation, word for word, through bash and the real curl.

Only what the documentation asks its readers to replace is replaced: the variables are set in the
shell, `host:port` becomes the server's address. Where a line names a file, the file lies there.
"""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.conformance.rest_people import get, new_maker, new_owner, post
from tests.server_process import ServerAddress

LINES = tomllib.loads(Path(__file__).with_name("document_curl.toml").read_text(encoding="utf-8"))
LONGEST_LINE_S = 90
# curl prints the status behind the body; said in its own settings, so that the lines stay theirs.
CURL_SETTINGS = 'write-out = "\\n%{http_code}"\n'
FILES: dict[str, Any] = LINES["files"]


class Answer(NamedTuple):
    """What curl printed."""

    status: int
    body: str


class Reader:
    """Somebody who works through the documentation with a device of their own."""

    def __init__(self, server: ServerAddress, folder: Path, maker: httpx.Client, name: str) -> None:
        self.folder = folder
        self.maker = maker
        self.name = name
        self.host = server.base_url.removeprefix("http://")
        self.token = f"token-of-{name}"
        device = {"name": name, "type": "default"}
        saved = post(maker, f"/api/device?accessToken={self.token}", device)
        self.device_id = saved["id"]["id"]
        self.telemetry = f"/api/plugins/telemetry/DEVICE/{self.device_id}"
        for file, content in FILES.items():
            (folder / file).write_text(json.dumps(content))
        (folder / ".curlrc").write_text(CURL_SETTINGS)

    def run(self, line: str) -> Answer:
        """Paste a line into a shell."""
        shell = {"THINGSBOARD_HOST": self.host, "THINGSBOARD_HOST_NAME": self.host}
        shell |= {"ACCESS_TOKEN": self.token, "CURL_HOME": str(self.folder), "NO_PROXY": "*"}
        done = subprocess.run(
            ["bash", "-c", line.replace("host:port", self.host)],
            cwd=self.folder,
            env=shell | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=LONGEST_LINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        return Answer(int(status), body)

    def attributes(self, scope: str) -> dict[str, Any]:
        """The attributes of one scope, as the maker reads them."""
        found = get(self.maker, f"{self.telemetry}/values/attributes/{scope}")
        return {each["key"]: each["value"] for each in found}

    def share(self, **attributes: object) -> None:
        """Let the maker write shared attributes."""
        post(self.maker, f"{self.telemetry}/attributes/SHARED_SCOPE", attributes)


@pytest.fixture(scope="module")
def maker(server: ServerAddress) -> Iterator[httpx.Client]:
    """A tenant administrator."""
    with closing(new_maker(server)) as client:
        yield client


@pytest.fixture(scope="module")
def owner(maker: httpx.Client) -> Iterator[httpx.Client]:
    """A customer's user."""
    with closing(new_owner(maker)) as client:
        yield client


numbers = count(1)


@pytest.fixture
def reader(server: ServerAddress, maker: httpx.Client, tmp_path: Path) -> Reader:
    """Somebody with a new device."""
    return Reader(server, tmp_path, maker, f"gadget-{next(numbers)}")


@pytest.fixture
def other_shell() -> Iterator[ThreadPoolExecutor]:
    """A second terminal window, where a line may wait."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


@pytest.mark.parametrize("example", LINES["telemetry"], ids=lambda example: example["line"])
def test_telemetry(reader: Reader, example: dict[str, Any]) -> None:
    """Every value is stored, and at its time if it has one (thingsboard §3.3)."""
    assert reader.run(example["line"]) == Answer(200, "")
    query = {"keys": ",".join(example["stored"]), "useStrictDataTypes": "true"}
    latest = get(reader.maker, f"{reader.telemetry}/values/timeseries", **query)
    assert {key: points[0]["value"] for key, points in latest.items()} == example["stored"]
    if "ts" in example:
        assert {points[0]["ts"] for points in latest.values()} == {example["ts"]}


@pytest.mark.parametrize("example", LINES["attributes"], ids=lambda example: example["line"])
def test_attributes(reader: Reader, example: dict[str, Any]) -> None:
    """What the device reports are its client attributes (thingsboard §3.3)."""
    assert reader.run(example["line"]) == Answer(200, "")
    assert reader.attributes("CLIENT_SCOPE") == example["stored"]


@pytest.mark.parametrize("example", LINES["attribute_request"], ids=lambda example: example["line"])
def test_attribute_request(reader: Reader, example: dict[str, str]) -> None:
    """Keys without a value are left out of the answer (thingsboard §3.3)."""
    reader.run(LINES["attributes"][0]["line"])
    reader.share(shared1="value2")
    answer = reader.run(example["line"])
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "client": {"attribute1": "value1", "attribute2": True},
        "shared": {"shared1": "value2"},
    }


@pytest.mark.parametrize("example", LINES["attribute_poll"], ids=lambda example: example["line"])
def test_attribute_poll(reader: Reader, other_shell: ThreadPoolExecutor, example: dict[str, str]) -> None:
    """The waiting line hears of a new value (thingsboard §3.3)."""
    polled = other_shell.submit(reader.run, example["line"])
    written = share_until_heard(reader, polled)
    assert polled.result().status == 200
    assert json.loads(polled.result().body)["interval"] in range(1, written + 1)


def share_until_heard(reader: Reader, polled: "Future[Answer]") -> int:
    """Write a new value each second, since curl may not have asked yet; the last value."""
    for interval in range(1, LONGEST_LINE_S):
        reader.share(interval=interval)
        try:
            polled.result(timeout=1)
        except TimeoutError:
            continue
        return interval
    raise TimeoutError("nobody heard of the new values")


@pytest.mark.parametrize("example", LINES["command"], ids=lambda example: example["line"])
def test_command(reader: Reader, other_shell: ThreadPoolExecutor, example: dict[str, str]) -> None:
    """The command reaches the waiting line, the reply reaches the caller (thingsboard §6.7)."""
    request = {"method": "setGpio", "params": {"pin": 23, "value": 1}, "timeout": 30_000}
    path = f"/api/rpc/twoway/{reader.device_id}"
    answered = other_shell.submit(post, reader.maker, path, request)
    polled = reader.run(example["line"])
    command = json.loads(polled.body)
    assert command == {"id": command["id"], "method": "setGpio", "params": request["params"]}
    reply = example["reply"].replace("/rpc/1", f"/rpc/{command['id']}")
    assert reader.run(reply) == Answer(200, "")
    assert answered.result() == {"result": "ok"}


@pytest.mark.parametrize("example", LINES["device_request"], ids=lambda example: example["line"])
def test_request_from_the_device(reader: Reader, example: dict[str, str]) -> None:
    """A device may ask; where nothing answers such questions it is told so (thingsboard §3.3)."""
    answer = reader.run(example["line"])
    assert answer.status == 200
    assert isinstance(json.loads(answer.body), dict)


@pytest.mark.parametrize("example", LINES["claim"], ids=lambda example: example["line"])
def test_claim(reader: Reader, owner: httpx.Client, example: dict[str, str]) -> None:
    """The line opens a window that the key opens (behaviour §2, §4)."""
    answer = reader.run(example["line"])
    assert answer.status == 200
    assert json.loads(answer.body)["accepted"] is True
    claim = {"secretKey": example["secret_key"]}
    claimed = post(owner, f"/api/customer/device/{reader.name}/claim", claim)
    assert claimed["response"] == "SUCCESS"
    customer = get(owner, "/api/auth/user")["customerId"]
    assert claimed["device"]["customerId"] == customer


@pytest.mark.parametrize("example", LINES["claim"], ids=lambda example: example["line"])
def test_no_token_no_claim(reader: Reader, example: dict[str, str]) -> None:
    """Without the token of a device nothing opens (thingsboard §2.3)."""
    reader.token = "nobodys-token"
    assert reader.run(example["line"]).status == 401
