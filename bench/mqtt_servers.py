"""Starts the servers that are compared, each alone on the first processor, and looks at them from outside."""

import getpass
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import typer

from bench.mqtt_devices import database_url
from bench.mqtt_load import SERVER_PROCESSOR
from tests.certificates import MadeCertificate
from tests.ports import free_port
from tests.server_process import OWN_SETTINGS

MOSQUITTO = "Mosquitto"
DEEDBOX = "Deedbox"
ACK_ONLY = "Deedbox, ack only"
BARE_LIMIT = "bare limit"
#: Answers 200 to everything, on the port that is for MQTT elsewhere.
HTTP_ALONE = "HTTP alone"
#: Answers 2.01 to every datagram, on the port that is for CoAP elsewhere.
COAP_ALONE = "CoAP alone"
_LONGEST_START_S = 60
_LONGEST_STOP_S = 60
_IN_JOURNAL = re.compile(rb"^deedbox_journal_messages (\S+)$", re.MULTILINE)
_PYTHON = "import sys, pathlib; from {} import serve; serve(pathlib.Path(sys.argv[1]), int(sys.argv[2]))"


class NotThere(Exception):
    """This server can't be measured yet; the message says why."""


class Ports(NamedTuple):
    """Where a server listens on loopback; `http` and `coap` are Deedbox's only."""

    mqtt: int
    mqtts: int
    http: int
    coap: int


Command = Callable[[Path, Ports, MadeCertificate | None], list[str]]


class Server:
    """One server process. `memory_kb` and `processor_s` are what the kernel says of it."""

    def __init__(self, name: str, folder: Path, certificate: MadeCertificate | None = None) -> None:
        self.name = name
        self.ports = Ports(*(free_port() for _ in range(4)))
        self._log = folder.with_name(f"{folder.name}.log")
        command = _COMMANDS[name](folder, self.ports, certificate)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(SERVER_PROCESSOR), *command],
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The process: taskset becomes the server, so this is the server's."""
        return self._process.pid

    def memory_kb(self) -> int:
        """Return the resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    def processor_s(self) -> float:
        """Return the processor time used so far, by all threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def in_journal(self) -> int:
        """Return how many messages a Deedbox has still to move to where reads look."""
        with urlopen(f"http://127.0.0.1:{self.ports.http}/metrics", timeout=30) as answer:
            found = _IN_JOURNAL.search(answer.read())
        return int(float(found[1])) if found else 0

    def kill(self) -> None:
        """End it at once with SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to stop and wait until it has. Raises RuntimeError when it does not."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_LONGEST_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(self._said("did not stop on SIGTERM")) from None

    def _wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + _LONGEST_START_S
        is_ready = self._says_ready if self.name == DEEDBOX else self._accepts
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(self._said("did not start"))
            time.sleep(0.02)
        if not self._accepts():
            raise NotThere(f"{self.name}: it does not serve MQTT yet")

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.ports.mqtt)) == 0

    def _says_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.ports.http}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _said(self, what: str) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([f"{self.name} {what}", *lines])


def machine_processor_s() -> float:
    """Return the processor time that the machine was busy with anything since it started."""
    user, nice, system, _, _, *interrupts = (
        int(it) for it in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(name: str, folder: Path, certificate: MadeCertificate | None = None) -> Iterator[Server]:
    """Run the server of that name over a data folder; MQTT over TLS with the certificate, where one is given.

    Raises NotThere for one that can't be measured yet, RuntimeError when it does not start or stop.
    """
    server = Server(name, folder, certificate)
    try:
        yield server
    finally:
        server.stop()


def _environment(folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    administrator = {"EMAIL": "admin@example.com", "PASSWORD": "for the bench"}
    own = {f"DEEDBOX_ADMIN_{name}": value for name, value in administrator.items()}
    return inherited | own | {"DEEDBOX_DATABASE_URL": database_url(folder)}


def _mosquitto(folder: Path, ports: Ports, certificate: MadeCertificate | None) -> list[str]:
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise typer.BadParameter("mosquitto is missing. Debian: apt-get install mosquitto")
    lines = [f"user {getpass.getuser()}", "allow_anonymous true", "persistence false", "log_dest none"]
    lines += ["max_queued_messages 0", "set_tcp_nodelay true", f"listener {ports.mqtt} 127.0.0.1"]
    if certificate:
        lines += [f"listener {ports.mqtts} 127.0.0.1", f"certfile {certificate.certificate}"]
        lines += [f"keyfile {certificate.key}"]
    configuration = folder / "mosquitto.conf"
    configuration.write_text("\n".join([*lines, ""]))
    return [program, "-c", str(configuration)]


def _deedbox(folder: Path, ports: Ports, certificate: MadeCertificate | None) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "deedbox",
        "serve",
        "--data",
        str(folder),
        "--coap",
        f"127.0.0.1:{ports.coap}",
    ]
    command += ["--mqtt", f"127.0.0.1:{ports.mqtt}", "--http", f"127.0.0.1:{ports.http}"]
    if certificate:
        command += ["--mqtts", f"127.0.0.1:{ports.mqtts}", "--tls-certificate", str(certificate.certificate)]
        command += ["--tls-key", str(certificate.key)]
    return command


def _ack_only(folder: Path, ports: Ports, _: MadeCertificate | None) -> list[str]:
    """Our session and codec over an ingest that acknowledges at once: a module beside this one."""
    if importlib.util.find_spec("bench.mqtt_ack_only") is None:
        raise NotThere(f"{ACK_ONLY}: there is no bench/mqtt_ack_only.py yet")
    return [sys.executable, "-c", _PYTHON.format("bench.mqtt_ack_only"), str(folder), str(ports.mqtt)]


def _bare_limit(folder: Path, ports: Ports, _: MadeCertificate | None) -> list[str]:
    return [sys.executable, "-c", _PYTHON.format("bench.mqtt_bare_limit"), str(folder), str(ports.mqtt)]


def _http_alone(folder: Path, ports: Ports, _: MadeCertificate | None) -> list[str]:
    return [sys.executable, "-c", _PYTHON.format("bench.http_alone"), str(folder), str(ports.mqtt)]


def _coap_alone(folder: Path, ports: Ports, _: MadeCertificate | None) -> list[str]:
    return [sys.executable, "-c", _PYTHON.format("bench.coap_alone"), str(folder), str(ports.mqtt)]


_COMMANDS: dict[str, Command] = {
    MOSQUITTO: _mosquitto,
    DEEDBOX: _deedbox,
    ACK_ONLY: _ack_only,
    BARE_LIMIT: _bare_limit,
    HTTP_ALONE: _http_alone,
    COAP_ALONE: _coap_alone,
}
