"""A supervisor with small workers, as a process: `python -m tests.serving.supervised PORT COUNT HOW`.

Workers answer each connection with their number and process id. HOW says how they fail, if at all.
"""

import asyncio
import errno
import os
import sys

from deedbox.serving.addresses import ListenAddress
from deedbox.serving.shared_listeners import SharedListeners
from deedbox.serving.supervision import Supervisor, WorkersFailed
from deedbox.serving.worker_links import WorkerEnd

NEVER, AT_START, LATER, STUBBORN, POOR = "never", "at-start", "later", "stubborn", "poor"


class SmallCrew:
    """Workers of few lines. A `Crew`."""

    def __init__(self, port: int, count: int, how: str) -> None:
        listeners = SharedListeners({"mqtt.listen": ListenAddress("127.0.0.1", port)}, count)
        self._listeners = listeners
        self._how = how
        self._is_replacing = False
        self.leave = listeners.leave
        self.close = listeners.close

    def man(self, number: int) -> None:
        """Make sure that there is something to listen on."""
        self._listeners.man(number)
        self._is_replacing = True

    def work(self, number: int, link: WorkerEnd) -> int:
        """Answer until asked to stop."""
        if (self._how == AT_START and number == 2) or (self._how == LATER and self._is_replacing):
            return 3
        asyncio.run(self._serve(number, link))
        return 0

    async def _serve(self, number: int, link: WorkerEnd) -> None:
        stops = asyncio.Queue[None]()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(f"{number} {os.getpid()}\n".encode())
            writer.close()

        with link.stopping_by(lambda: stops.put_nowait(None)):
            (listening,) = self._listeners.taken(number)["mqtt.listen"]
            server = await asyncio.start_server(answer, sock=listening)
            link.opened()
            await stops.get()
            server.close()
            if self._how == STUBBORN:
                await stops.get()
            print(f"worker {number} was asked {stops.qsize() + 1} times", flush=True)


def make_poor() -> None:
    """Have no memory for the first two processes that replace others."""
    fork, times = os.fork, iter([True, True, False, False])

    def fork_if_possible() -> int:
        if not next(times, True):
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return fork()

    os.fork = fork_if_possible


def main() -> int:
    """Run until a signal; return the exit code."""
    port, count, how = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if how == POOR:
        make_poor()
    try:
        Supervisor(SmallCrew(port, count, how), count).run()
    except WorkersFailed as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
