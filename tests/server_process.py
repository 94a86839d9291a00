"""A real `deedbox serve` for tests: started as its own process, killed or stopped like one."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests import worker_nodes
from tests.ports import free_port

ADMINISTRATOR_EMAIL = "administrator@deedbox.test"
ADMINISTRATOR_PASSWORD = "the first administrator's password"
COMMAND = Path(sys.executable).with_name("deedbox")
LONGEST_START_S = 60
LONGEST_STOP_S = 30
# Settings of whoever runs the tests must not reach the server under test.
OWN_SETTINGS = ("DEEDBOX_", "SECURITY_CLAIM_")


class ServerAddress(NamedTuple):
    """Where a server listens and who may administrate it."""

    base_url: str
    email: str
    password: str


class RunningServer:
    """One server process over one data folder; started by `running_server`."""

    def __init__(
        self, data_folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str], command: Path
    ) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.email = environment["DEEDBOX_ADMIN_EMAIL"]
        self.password = environment["DEEDBOX_ADMIN_PASSWORD"]
        self.data_folder = data_folder
        self.log = data_folder.with_name(f"{data_folder.name}.log")
        self._command = [str(command), "serve", "--data", str(data_folder)]
        self._command += ["--http", f"127.0.0.1:{self.port}", "--mqtt", "off", "--coap", "off"]
        self._command += arguments
        self._environment = environment
        self._process = self._start()

    @property
    def address(self) -> ServerAddress:
        """Where it listens, with the first administrator's e-mail address and password."""
        return ServerAddress(self.base_url, self.email, self.password)

    @property
    def pid(self) -> int:
        """The process id of the server that runs now."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once with SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to stop with SIGTERM; its exit code. Raises RuntimeError if it does not stop."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(LONGEST_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(self._said("the server did not stop on SIGTERM")) from None

    def restart(self) -> None:
        """Stop it if it still runs, then start it anew: same data, same address."""
        self.stop()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        return process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + LONGEST_START_S
        # Alive first: somebody else's server on this port must not pass for ours.
        while process.poll() is not None or not self._is_ready():
            if process.poll() is not None:
                raise RuntimeError(self._said(f"the server ended with {process.returncode}"))
            if time.monotonic() > give_up_at:
                raise RuntimeError(self._said("the server did not become ready"))
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _said(self, what: str) -> str:
        last_lines = self.log.read_text(errors="replace").splitlines()[-40:]
        return "\n".join([f"{what}: {' '.join(self._command)}", *last_lines])


@contextmanager
def running_server(
    data_folder: Path,
    *extra_args: str,
    environment: Mapping[str, str] | None = None,
    command: Path = COMMAND,
) -> Iterator[RunningServer]:
    """A server that answers /readyz; it is stopped with SIGTERM at the end.

    `extra_args` come after --http, --mqtt off and --coap off, so they may replace these;
    `environment` is added to this process's; `command` may be another release's `deedbox`.
    The log lies beside the data folder.
    Raises RuntimeError with the end of the log when the server does not start or stop.
    """
    added = dict(environment or {})
    if worker_nodes.COUNT > 1 and "DEEDBOX_DATABASE_URL" not in added and "--database-url" not in extra_args:
        added = worker_nodes.settings_of_workers(data_folder) | added
    server = RunningServer(data_folder, extra_args, _environment(added), command)
    try:
        yield server
    finally:
        server.stop()


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    administrator = {
        "DEEDBOX_ADMIN_EMAIL": ADMINISTRATOR_EMAIL,
        "DEEDBOX_ADMIN_PASSWORD": ADMINISTRATOR_PASSWORD,
    }
    return inherited | administrator | dict(added)
