"""A wire between a node and NATS that can be cut as networks are: connections stay, nothing comes through."""

import asyncio
import threading
from typing import Self

from tests.ports import free_port

_HOST = "127.0.0.1"


class CutWire:
    """Listens on `port` and passes on to `target_port`, in a thread of its own; a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target_port = 0
        self._listens = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listens.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def cut(self) -> None:
        """Let nothing through any more."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def heal(self) -> None:
        """Let all through again, what has waited first."""
        self._loop.call_soon_threadsafe(self._whole.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._whole, self._over = asyncio.Event(), asyncio.Event()
        self._whole.set()
        server = await asyncio.start_server(self._serve, _HOST, self.port)
        self._listens.set()
        await self._over.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._whole.wait()
            other_reader, other_writer = await asyncio.open_connection(_HOST, self.target_port)
        except OSError:
            writer.transport.abort()
            return
        ways = [self._pass(reader, other_writer), self._pass(other_reader, writer)]
        passing = [asyncio.ensure_future(it) for it in ways]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for it in passing:
                it.cancel()
            for end in (writer, other_writer):
                end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
