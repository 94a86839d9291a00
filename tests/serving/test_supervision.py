"""Workers are replaced when they end, stop together, and never outlive their supervisor."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from deedbox.serving.supervision import Seat
from tests.ports import free_port
from tests.serving.supervised import AT_START, LATER, NEVER, POOR, STUBBORN

LONGEST_WAIT_S = 30


class Supervised:
    """A supervisor's process and the port of its workers."""

    def __init__(self, count: int, how: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.supervised", str(self.port), str(count), how],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def asked(self) -> tuple[int, int]:
        """The number and process id of the worker that answers."""
        with closing(socket.create_connection(("127.0.0.1", self.port), LONGEST_WAIT_S)) as connection:
            number, pid = connection.makefile().readline().split()
            return int(number), int(pid)

    def workers(self) -> dict[int, int]:
        """The process ids of those that answer now, by number; asked often enough to meet all."""
        found: dict[int, int] = {}
        for _ in range(40):
            try:
                number, pid = self.asked()
            except (OSError, ValueError):
                continue
            found[number] = pid
        return found

    def refuses(self) -> bool:
        """Whether nobody listens any more."""
        with closing(socket.socket()) as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) != 0

    def ended(self) -> tuple[int, str]:
        """The exit code and all that was printed."""
        said, _ = self.process.communicate(timeout=LONGEST_WAIT_S)
        return self.process.returncode, said


@contextmanager
def supervised(count: int = 2, how: str = NEVER) -> Iterator[Supervised]:
    it = Supervised(count, how)
    try:
        yield it
    finally:
        # It leads a group of its own, with its workers in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(it.process.pid, signal.SIGKILL)
        it.process.communicate(timeout=LONGEST_WAIT_S)


def until(holds: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + LONGEST_WAIT_S
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def all_serve(it: Supervised, count: int = 2) -> dict[int, int]:
    """The process ids by number, once all workers answer."""
    until(lambda: it.process.poll() is not None or len(it.workers()) == count)
    assert it.process.poll() is None, it.ended()[1]
    return it.workers()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_all_workers_serve_and_stop_when_asked() -> None:
    with supervised(3) as it:
        pids = all_serve(it, 3)
        assert set(pids) == {1, 2, 3}
        it.process.send_signal(signal.SIGTERM)
        code, said = it.ended()
    assert code == 0
    assert said.count("was asked 1 times") == 3
    assert not any(is_there(pid) for pid in pids.values())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_is_one_request(number: signal.Signals) -> None:
    """As a terminal's Ctrl-C comes, and what a service manager sends."""
    with supervised() as it:
        all_serve(it)
        os.killpg(it.process.pid, number)
        code, said = it.ended()
    assert code == 0
    assert said.count("was asked 1 times") == 2


def test_a_second_signal_does_not_wait() -> None:
    with supervised(how=STUBBORN) as it:
        all_serve(it)
        it.process.send_signal(signal.SIGTERM)
        until(it.refuses)
        it.process.send_signal(signal.SIGTERM)
        assert it.ended()[0] == 0


def test_a_worker_that_dies_is_replaced_and_the_others_stay() -> None:
    with supervised() as it:
        before = all_serve(it)
        os.kill(before[1], signal.SIGKILL)
        until(lambda: it.workers().get(1, before[1]) != before[1])
        assert it.workers()[2] == before[2]
        it.process.send_signal(signal.SIGTERM)
        code, said = it.ended()
    assert code == 0
    assert "another takes its place" in said
    assert "SIGKILL" in said


def test_a_worker_that_cannot_be_replaced_at_once_is_replaced_later() -> None:
    with supervised(how=POOR) as it:
        before = all_serve(it)
        os.kill(before[1], signal.SIGKILL)
        until(lambda: it.workers().get(1, before[1]) != before[1])
        assert it.workers()[2] == before[2]
        it.process.send_signal(signal.SIGTERM)
        code, said = it.ended()
    assert (code, said.count("a worker can't be started")) == (0, 2)


def test_connections_that_wait_for_a_worker_that_died_are_answered_by_the_next() -> None:
    with supervised() as it, ExitStack() as opened:
        pid = all_serve(it)[1]
        # The supervisor learns of it when all connections wait already.
        it.process.send_signal(signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        until(lambda: is_zombie(pid))
        connections = [
            opened.enter_context(socket.create_connection(("127.0.0.1", it.port), LONGEST_WAIT_S))
            for _ in range(20)
        ]
        it.process.send_signal(signal.SIGCONT)
        answers = [connection.makefile().readline().split()[0] for connection in connections]
    # Chance decides for each: one alone once in half a million.
    assert set(answers) == {"1", "2"}


def is_zombie(pid: int) -> bool:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(") ")[2].startswith("Z")


def test_a_worker_that_dies_again_and_again_is_waited_with_and_others_get_its_connections() -> None:
    with supervised() as it:
        all_serve(it)
        for _ in range(2):
            pid = all_serve(it)[1]
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: it.workers().get(1) != pid)  # type: ignore[misc]
        # It is back, on a socket that was bound anew, when the pause is over.
        assert set(all_serve(it)) == {1, 2}
        it.process.send_signal(signal.SIGTERM)
        assert "'pause_s': 1.0" in (said := it.ended()[1]) or "pause_s=1.0" in said


def test_workers_that_can_not_start_stop_the_whole() -> None:
    with supervised(how=AT_START) as it:
        code, said = it.ended()
    assert code == 1
    assert "Worker 2 ended with exit code 3 before it served" in said


def test_all_ends_when_no_worker_can_be_replaced() -> None:
    with supervised(how=LATER) as it:
        pids = all_serve(it)
        os.kill(pids[1], signal.SIGKILL)
        until(lambda: 1 not in it.workers())
        # One goes on alone for as long as it lives.
        assert it.process.poll() is None
        os.kill(pids[2], signal.SIGKILL)
        code, said = it.ended()
    assert code == 1
    assert said.count("another takes its place") >= 8
    assert "and no other goes on" in said


def test_workers_stop_when_their_supervisor_is_killed() -> None:
    with supervised() as it:
        pids = all_serve(it).values()
        it.process.kill()
        it.process.wait()
        until(lambda: not any(is_there(pid) for pid in pids))


def test_pauses_grow_while_a_worker_fails_and_end_when_it_was_well() -> None:
    seat = Seat(1)
    assert [seat.failed(0) for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    seat.ready(100)
    assert seat.left(100 + 59) == 30
    seat.ready(200)
    assert seat.left(200 + 61) == 0
