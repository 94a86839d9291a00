"""Compiles the load generators and runs them on the second processor; what they print becomes structs."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec
import typer

SERVER_PROCESSOR = 0
LOAD_PROCESSOR = 1
#: From here on, what else ran on the machine may explain a difference.
MOST_OTHER_CORES = 0.12
_MQTT, _HTTP, _COAP = (Path(__file__).with_name(f"{it}_load.c") for it in ("mqtt", "http", "coap"))
_LONGEST_S = 180

Found = TypeVar("Found", bound="Run")


class Run(msgspec.Struct, kw_only=True):
    """What every mode prints. `server_us_each`: processor time of the server per message or connection."""

    connect_s: float
    server_cores: float
    server_us_each: float
    own_cores: float
    other_cores: float


class Publishing(Run, kw_only=True):
    """`messages` were acknowledged within `seconds`; `sent` and `acknowledged` count warming up, too."""

    messages: int
    seconds: float
    sent: int
    acknowledged: int
    unanswered: int
    refused: int
    unexpected: int
    skipped: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    slowest_ms: float
    memory_kb: int
    #: Requests over CoAP that were sent again.
    repeated: int = 0

    @property
    def per_second(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds

    @property
    def faults(self) -> str:
        """Return what must not happen and did, empty when all is well."""
        names = ("unanswered", "refused", "unexpected", "skipped")
        return ", ".join(f"{getattr(self, it):,} {it}" for it in names if getattr(self, it))


class Idle(Run, kw_only=True):
    """The server's memory before the connections and with them."""

    before_kb: int
    after_kb: int


class Storm(Run, kw_only=True):
    """`failed`: no connection; `dropped`: closed by the server; both were tried again."""

    failed: int
    dropped: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float


class LoadFailed(Exception):
    """The generator could not do its work; the message is what it said."""


class Generator:
    """A compiled generator. It is always given `options`, single letters and their values."""

    def __init__(self, program: Path, **options: Any) -> None:
        self._program = program
        self._options = options

    def run(self, shape: type[Found], port: int, server_pid: int, **options: Any) -> Found:
        """Run it with these single-letter options and return what it printed. Raises LoadFailed."""
        given = {"p": port, "P": server_pid} | self._options | options
        arguments = [text for letter, value in given.items() for text in (f"-{letter}", str(value))]
        pinned = ["taskset", "-c", str(LOAD_PROCESSOR), str(self._program), *arguments]
        done = subprocess.run(pinned, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
        if done.returncode:
            raise LoadFailed(done.stderr.strip() or f"the generator ended with {done.returncode}")
        return msgspec.json.decode(done.stdout, type=shape)


@contextmanager
def generator(level: int) -> Iterator[Generator]:
    """Compile the MQTT generator. `level` is the protocol's: 4 for MQTT 3.1.1, 5 for MQTT 5."""
    with _compiled(_MQTT) as program:
        yield Generator(program, V=level)


@contextmanager
def http_generator() -> Iterator[Generator]:
    """Compile the generator of requests."""
    with _compiled(_HTTP) as program:
        yield Generator(program)


@contextmanager
def coap_generator() -> Iterator[Generator]:
    """Compile the generator of requests over CoAP."""
    with _compiled(_COAP) as program:
        yield Generator(program)


def allow_open_files(count: int) -> None:
    """Let this process and those that it starts open so many files. Raises BadParameter."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise typer.BadParameter(f"{hard} open files are allowed, {count} are needed: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


@contextmanager
def _compiled(source: Path) -> Iterator[Path]:
    """Compile a generator into a folder that is gone afterwards."""
    for tool in ("gcc", "taskset"):
        if not shutil.which(tool):
            raise typer.BadParameter(f"{tool} is missing. Debian: apt-get install gcc libc6-dev util-linux")
    if (os.cpu_count() or 1) < 2:
        raise typer.BadParameter("two processors are needed: one for the server, one for the load")
    with TemporaryDirectory(prefix="load-") as folder:
        program = Path(folder) / source.stem
        subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)
        yield program
