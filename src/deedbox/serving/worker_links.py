"""The wire between a supervisor and a worker: the worker says that it is ready, the supervisor when to stop.

Either end notices when the other is no more, however it ended: a worker without a supervisor stops.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

_READY, _STOP = b"r", b"s"
_LONGEST_READ_BYTES = 16


class SupervisorEnd:
    """What the supervisor holds of a link."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to wait at: it can be read when the worker says something, or is no more."""
        return self._end.fileno()

    def says_ready(self) -> bool | None:
        """Read what the worker says: True for ready, None for nothing any more."""
        try:
            said = self._end.recv(_LONGEST_READ_BYTES)
        except BlockingIOError:
            return False
        except ConnectionError:
            return None
        return _READY in said if said else None

    def stop(self) -> None:
        """Ask the worker to stop; asked again, it does not wait for what is under way."""
        with contextlib.suppress(OSError):  # it is no more, and that is read, too
            self._end.send(_STOP)

    def close(self) -> None:
        """Let go of it: the worker, if it lives, stops."""
        self._end.close()


class WorkerEnd:
    """What the worker holds. A `Steering`: the supervisor's word counts, and its end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    @contextlib.contextmanager
    def stopping_by(self, stop: Callable[[], None]) -> Iterator[None]:
        """Let the supervisor's word and its end call `stop`."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._end.fileno(), self._hear, loop, stop)
        try:
            yield
        finally:
            loop.remove_reader(self._end.fileno())

    def opened(self) -> None:
        """Tell the supervisor that this worker serves."""
        with contextlib.suppress(OSError):
            self._end.send(_READY)

    def close(self) -> None:
        """Let go of it, in the supervisor: the worker holds it now."""
        self._end.close()

    def _hear(self, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
        try:
            said = self._end.recv(_LONGEST_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            said = b""
        if not said:
            loop.remove_reader(self._end.fileno())
        for _ in said or _STOP:
            stop()


def new_link() -> tuple[SupervisorEnd, WorkerEnd]:
    """Return both ends; each process closes the other's."""
    upper, lower = socket.socketpair()
    return SupervisorEnd(upper), WorkerEnd(lower)
