"""Keeps worker processes running: forks them, replaces those that end, and stops all of them together."""

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import structlog

from deedbox.serving.listeners import CannotListen
from deedbox.serving.worker_links import SupervisorEnd, WorkerEnd, new_link

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: A third signal ends workers as they are.
_STOPS_BEFORE_KILLING = 2
#: Who served for so long has not failed to start.
_STEADY_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_MOST_FAILURES = 5

_log = structlog.get_logger("deedbox.workers")


class WorkersFailed(Exception):
    """No worker serves; says what happened."""


class Crew(Protocol):
    """What the supervisor's workers do, and what they listen on. Numbers count from 1."""

    def work(self, number: int, link: WorkerEnd) -> int:
        """Be this worker, in its own process; return its exit code."""

    def man(self, number: int) -> None:
        """Make sure that a worker that starts now has something to listen on. Raises CannotListen."""

    def leave(self, number: int) -> None:
        """Let no connection wait for this worker: it does not start again soon."""

    def close(self) -> None:
        """Let no connection wait for anybody."""


class Seat:
    """A worker's place: the process that has it, and how it went with those before."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.link: SupervisorEnd | None = None
        self.is_ready = False
        self.ready_at_s = 0.0
        self.failures = 0
        self.due_at_s = 0.0

    def taken(self, pid: int, link: SupervisorEnd) -> None:
        """Note that a process has it now."""
        self.pid, self.link, self.is_ready = pid, link, False

    def ready(self, now_s: float) -> None:
        """Note that its process serves."""
        self.is_ready, self.ready_at_s = True, now_s

    def left(self, now_s: float) -> float:
        """Note that its process ended; return how many seconds to wait for the next one."""
        was_well = self.is_ready and now_s - self.ready_at_s >= _STEADY_S
        self.pid, self.link, self.is_ready = 0, None, False
        return self.failed(now_s, anew=was_well)

    def failed(self, now_s: float, *, anew: bool = False) -> float:
        """Note another failure in a row, or the first one; return how many seconds to wait.

        The first is mended at once; then pauses double.
        """
        self.failures = 1 if anew else self.failures + 1
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (self.failures - 2)) if self.failures > 1 else 0
        self.due_at_s = now_s + pause_s
        return pause_s


class Supervisor:
    """Runs `count` workers of a crew. The process must have no thread and no event loop: it forks."""

    def __init__(self, crew: Crew, count: int) -> None:
        self._crew = crew
        self._seats = [Seat(number) for number in range(1, count + 1)]
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        self._was_whole = False
        self._trouble = ""

    def run(self) -> None:
        """Return when a signal stopped all workers. Raises WorkersFailed when one can't start."""
        with self._selector, self._hearing_signals():
            for seat in self._seats:
                self._start(seat)
            while not self._stops or any(seat.pid for seat in self._seats):
                for key, _ in self._selector.select(self._patience_s()):
                    key.data()
                self._start_due()
        if self._trouble:
            raise WorkersFailed(self._trouble)

    def _patience_s(self) -> float | None:
        due = [seat.due_at_s for seat in self._seats if not seat.pid]
        return max(0.0, min(due) - time.monotonic()) if due and not self._stops else None

    def _start_due(self) -> None:
        for seat in self._seats:
            if not seat.pid and not self._stops and seat.due_at_s <= time.monotonic():
                try:
                    self._crew.man(seat.number)
                except CannotListen as error:
                    pause_s = seat.failed(time.monotonic())
                    _log.error("a worker can't listen", worker=seat.number, error=str(error), pause_s=pause_s)
                else:
                    self._start(seat)

    def _start(self, seat: Seat) -> None:
        upper, lower = new_link()
        # A signal must not reach the new process before it has put away what it has of this one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:  # no memory, or too many processes: both may pass, and the others serve
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            upper.close()
            lower.close()
            pause_s = seat.failed(time.monotonic())
            _log.error("a worker can't be started", worker=seat.number, error=str(error), pause_s=pause_s)
            return
        if pid == 0:
            os._exit(self._be(seat.number, upper, lower))
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        lower.close()
        seat.taken(pid, upper)
        self._selector.register(upper, selectors.EVENT_READ, partial(self._hear, seat, upper))

    def _be(self, number: int, upper: SupervisorEnd, lower: WorkerEnd) -> int:
        """Be a worker: this runs in its process."""
        try:
            signal.set_wakeup_fd(-1)
            # Terminals and service managers signal all processes at once; the supervisor says what to do.
            for it in _STOP_SIGNALS:
                signal.signal(it, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
            self._selector.close()
            for link in (upper, *(seat.link for seat in self._seats if seat.link)):
                link.close()
            return self._crew.work(number, lower)
        except BaseException:  # it must not go on as a second supervisor
            traceback.print_exc()
            return 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()

    def _hear(self, seat: Seat, link: SupervisorEnd) -> None:
        says_ready = link.says_ready()
        if says_ready is None:
            self._selector.unregister(link)
            link.close()
            self._ended(seat, os.waitstatus_to_exitcode(os.waitpid(seat.pid, 0)[1]))
        elif says_ready:
            seat.ready(time.monotonic())
            if all(it.is_ready for it in self._seats):
                self._was_whole = True
                _log.info("all workers serve", workers=len(self._seats))

    def _ended(self, seat: Seat, status: int) -> None:
        pid, was_ready = seat.pid, seat.is_ready
        pause_s = seat.left(time.monotonic())
        if self._stops:
            if status and (was_ready or status > 0):
                self._trouble = (
                    self._trouble or f"Worker {seat.number} ended with {_how(status)}, not in order."
                )
            return
        if self._is_hopeless(was_ready):
            self._trouble = (
                f"Worker {seat.number} ended with {_how(status)} before it served, and no other goes on. "
                "What it said is above."
            )
            self._stop()
            return
        _log.error(
            "a worker ended; another takes its place",
            worker=seat.number,
            pid=pid,
            how=_how(status),
            pause_s=pause_s,
        )
        if pause_s:
            self._crew.leave(seat.number)

    def _is_hopeless(self, was_ready: bool) -> bool:
        if not self._was_whole:
            return not was_ready
        nobody_serves = not any(it.is_ready for it in self._seats)
        return nobody_serves and all(it.failures >= _MOST_FAILURES for it in self._seats)

    def _stop(self) -> None:
        self._stops += 1
        self._crew.close()
        for seat in self._seats:
            # One that does not serve yet listens to nobody, and has nothing to finish.
            patience = _STOPS_BEFORE_KILLING if seat.is_ready else _STOPS_BEFORE_KILLING - 1
            if seat.link and self._stops <= patience:
                seat.link.stop()
            elif seat.pid:
                os.kill(seat.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        before = {number: signal.signal(number, lambda *_: None) for number in _STOP_SIGNALS}
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        self._selector.register(reading, selectors.EVENT_READ, partial(self._signalled, reading))
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            reading.close()
            writing.close()

    def _signalled(self, reading: socket.socket) -> None:
        for number in reading.recv(16):
            _log.info("stopping", signal=signal.Signals(number).name)
            self._stop()


def _how(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
