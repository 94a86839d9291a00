"""One page of metrics for all workers: whoever is asked asks the others; each sample says whose it is."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping

_ASKED = b"?"
_MOST_AT_ONCE = 16
_LONGEST_WAIT_S = 2.0
_READ_BYTES = 65_536
_UP = (
    b"# HELP deedbox_worker_up Whether this worker gave its metrics.",
    b"# TYPE deedbox_worker_up gauge",
)


class PageWires:
    """What workers ask each other by; made before the first of them, without names that others could find.

    A request carries the socket that the answer is to be written to.
    """

    def __init__(self, count: int) -> None:
        self._pairs = {
            number: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for number in range(1, count + 1)
        }
        for pair in self._pairs.values():
            for it in pair:
                it.setblocking(False)

    @property
    def numbers(self) -> list[int]:
        """The numbers of all workers."""
        return list(self._pairs)

    def answering(self, number: int) -> socket.socket:
        """Return where requests to a worker arrive, whichever process has this number."""
        return self._pairs[number][0]

    def asking(self, number: int) -> socket.socket:
        """Return where requests to a worker are sent."""
        return self._pairs[number][1]

    def close(self) -> None:
        """Close them in this process."""
        for pair in self._pairs.values():
            for it in pair:
                it.close()


class WorkerPages:
    """The pages of all workers, in one of them; `own` returns its own."""

    def __init__(
        self,
        wires: PageWires,
        number: int,
        own: Callable[[], bytes],
        longest_wait_s: float = _LONGEST_WAIT_S,
    ) -> None:
        self._wires = wires
        self._number = number
        self._own = own
        self._longest_wait_s = longest_wait_s
        self._answers: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Give this worker's page to others that ask, within the context."""
        loop, wire = asyncio.get_running_loop(), self._wires.answering(self._number)
        loop.add_reader(wire.fileno(), self._hear, wire)
        try:
            yield
        finally:
            loop.remove_reader(wire.fileno())
            for task in self._answers:
                task.cancel()

    async def page(self) -> bytes:
        """Return the metrics of all workers that answer in time."""
        others = [it for it in self._wires.numbers if it != self._number]
        answers = await asyncio.gather(*(self._ask(it) for it in others))
        pages = dict(zip(others, answers, strict=True)) | {self._number: self._own()}
        return merged_pages({number: pages[number] for number in sorted(pages)})

    def _hear(self, wire: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            _, descriptors, _, _ = socket.recv_fds(wire, len(_ASKED), _MOST_AT_ONCE)
            for it in descriptors:
                task = asyncio.get_running_loop().create_task(self._answer(socket.socket(fileno=it)))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _answer(self, asker: socket.socket) -> None:
        with contextlib.suppress(OSError, TimeoutError), asker:  # it waits no longer
            asker.setblocking(False)
            loop = asyncio.get_running_loop()
            await asyncio.wait_for(loop.sock_sendall(asker, self._own()), self._longest_wait_s)

    async def _ask(self, number: int) -> bytes | None:
        mine, its = socket.socketpair()
        with mine:
            mine.setblocking(False)
            try:
                with its:
                    socket.send_fds(self._wires.asking(number), [_ASKED], [its.fileno()])
                return await asyncio.wait_for(_whole(mine), self._longest_wait_s)
            except (OSError, TimeoutError):
                return None


async def _whole(answering: socket.socket) -> bytes | None:
    loop, parts = asyncio.get_running_loop(), []
    while part := await loop.sock_recv(answering, _READ_BYTES):
        parts.append(part)
    return b"".join(parts) or None


def merged_pages(pages: Mapping[int, bytes | None]) -> bytes:
    """Return one page in Prometheus's text format of those of several workers; None for one that gave none.

    Samples get the label `worker`, so that nothing has to be added up here that can't be.
    """
    headers: dict[bytes, list[bytes]] = {}
    samples: dict[bytes, list[bytes]] = {}
    for number, page in pages.items():
        name = b""
        for line in (page or b"").splitlines():
            if line.startswith(b"# "):
                name = line.split(b" ", 3)[2]
                known = headers.setdefault(name, [])
                known += [line] if line not in known else []
            else:
                samples.setdefault(name, []).append(_labelled(line, number))
    lines = [it for name, header in headers.items() for it in (*header, *samples.get(name, ()))]
    lines += [*_UP, *(b'deedbox_worker_up{worker="%d"} %d' % (n, it is not None) for n, it in pages.items())]
    return b"\n".join([*lines, b""])


def _labelled(sample: bytes, number: int) -> bytes:
    name, _, rest = sample.partition(b" ")
    if b"{" in name:
        name, _, rest = sample.partition(b"{")
        return b'%s{worker="%d",%s' % (name, number, rest)
    return b'%s{worker="%d"} %s' % (name, number, rest)
