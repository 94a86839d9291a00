"""Runs Eclipse Paho's interoperability tests against a server whose topics echo; tells where each one stops.

    .venv/bin/python -m tests.conformance.paho_suite PATH_OF_A_CHECKOUT_OF/paho.mqtt.testing

Ends with 0 when every test passes, or stops at the line that `EXPECTED` tells the reason of.
"""

import contextlib
import importlib
import io
import sys
import tempfile
import traceback
import unittest
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.conformance.mqtt_site import HOST
from tests.conformance.paho_expected import EXPECTED
from tests.conformance.rest_people import new_maker, post
from tests.ports import free_port
from tests.server_process import running_server

TOKEN = "token-of-the-suite"
REPOSITORY = Path(__file__).parents[2]
SUITES = ("client_test", "client_test5")
#: What the suites set only when they are run as programs.
TOPICS = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
WILD_TOPICS = ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")
SETTINGS = {
    "DEEDBOX_MQTT_SESSIONS_LONGEST_KEEP_ALIVE_S": "60",
    "DEEDBOX_MQTT_SESSIONS_LARGEST_PACKET_BYTES": "8192",
}


@contextlib.contextmanager
def echoing_server(folder: Path) -> Iterator[int]:
    """A server with one device; the port of MQTT."""
    port, command = free_port(), folder / "deedbox"
    command.write_text(
        f'#!/bin/sh\ncd "{REPOSITORY}" && exec "{sys.executable}" -m tests.conformance.echoing_server "$@"\n'
    )
    command.chmod(0o755)
    listening = ("--mqtt", f"{HOST}:{port}")
    with running_server(folder / "data", *listening, environment=SETTINGS, command=command) as server:
        with contextlib.closing(new_maker(server.address)) as maker:
            post(maker, f"/api/device?accessToken={TOKEN}", {"name": "suite", "type": "default"})
        yield port


def loaded(name: str, port: int) -> ModuleType:
    """A suite that signs in as the device."""
    suite = importlib.import_module(name)
    values = {"host": HOST, "port": port, "topics": TOPICS, "wildtopics": WILD_TOPICS, "topic_prefix": ""}
    for variable, value in (values | {"nosubscribe_topics": ("test/nosubscribe",)}).items():
        setattr(suite, variable, value)
    suite.setData = lambda: None  # type: ignore[attr-defined] # it would go back to the usual port
    connect = suite.mqtt_client.Client.connect
    # The suite mixes up the flags of user name and password: only both together come out right.
    credentials = {"username": TOKEN, "password": b"any"}

    def signed_in(self: Any, *arguments: Any, **fields: Any) -> Any:
        return connect(self, *arguments, **credentials | fields)

    suite.mqtt_client.Client.connect = signed_in
    return suite


def names_of(suite: ModuleType) -> list[str]:
    """The suite's tests: one is not found by its name."""
    return sorted(it for it in dir(suite.Test) if it.startswith("test") or it.endswith("_test"))


def stopped_at(suite: ModuleType, name: str) -> str:
    """Run a test; the line of the suite that it failed in, empty when it passed."""
    caught: list[BaseException] = []

    def keep() -> None:
        if error := sys.exc_info()[1]:
            caught.append(error)

    suite.traceback.print_exc = keep
    result = unittest.TestResult()
    with contextlib.redirect_stdout(io.StringIO()):
        unittest.TestSuite([suite.Test(name)]).run(result)
    suite.traceback.print_exc = _print_exc
    told = ["".join(traceback.format_exception(it)) for it in caught]
    # Its clients' threads print what happens to them, too; what counts is where the test itself stopped.
    problems = [it for it in told if f"{suite.__name__}.py" in it]
    problems += [text for _, text in result.failures + result.errors]
    return _line(problems[0], suite.__name__) if problems else ""


def _line(problem: str, suite: str) -> str:
    """The innermost line of the suite in a traceback."""
    lines = problem.splitlines()
    own = [at for at, line in enumerate(lines) if f"{suite}.py" in line]
    return lines[own[-1] + 1].strip() if own else lines[-1]


_print_exc = traceback.print_exc


def main() -> int:
    """Run both suites."""
    sys.path.insert(0, str(Path(sys.argv[1]) / "interoperability"))
    surprises = 0
    with tempfile.TemporaryDirectory() as folder, echoing_server(Path(folder)) as port:
        for suite in [loaded(it, port) for it in SUITES]:
            for name in names_of(suite):
                line, expected = stopped_at(suite, name), EXPECTED.get((suite.__name__, name), "")
                is_surprise = not (line == expected or (expected and expected in line))
                surprises += is_surprise
                print(
                    f"{'??' if is_surprise else 'ok'} {suite.__name__} {name}: {line or 'passed'}", flush=True
                )
    print(f"{surprises} surprises")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
