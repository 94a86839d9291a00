"""The least that could be called an MQTT server that stores: what ours is compared with, beside Mosquitto.

It reads publishes with QoS 1, decodes their JSON, writes rows to SQLite and acknowledges after the commit. No
sign-in, no limits, no sessions, no second protocol version: the gap to ours is what all of that costs.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import cast

import msgspec
import uvloop

from tests.acceptance.numbered_publishing import DIGITS, SERIES

DATABASE_NAME = "bare.sqlite"
Row = tuple[str, bytes]
_CONNACK = b"\x20\x02\x00\x00"
#: Rows per statement: the interpreter's lock is let go and taken back once per statement, not once per row.
_BATCH_SIZES = (1024, 128, 16, 4, 1)
_SYNCED_LOG = "pragma journal_mode = wal; pragma synchronous = full; "
_JOURNAL = (
    "create table if not exists journal (id integer primary key, device text, epoch int, messages blob)"
)


#: What one read of one connection brought: who sent it, the messages, the acknowledgements, where these go.
Arrival = tuple[str, list[bytes], bytes, asyncio.WriteTransport]
Scalar = str | int | float | bool
_decode = msgspec.json.Decoder(dict[str, Scalar | dict[str, Scalar]]).decode


class Journal:
    """A thread that writes all that waits in one transaction, then has it acknowledged; no timer.

    As in ours, what a device sent between two commits is one row.
    """

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(_SYNCED_LOG + _JOURNAL)
        self.arrivals: SimpleQueue[Arrival] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            taken = [self.arrivals.get()]
            while not self.arrivals.empty():
                taken.append(self.arrivals.get())
            self._connection.execute("begin")
            self._write(_rows(taken))
            self._connection.execute("commit")
            self._loop.call_soon_threadsafe(_acknowledge, taken)

    def _write(self, rows: Sequence[Row]) -> None:
        start = 0
        while start < len(rows):
            size = next(it for it in _BATCH_SIZES if it <= len(rows) - start)
            values = ",".join(["(?,0,?)"] * size)
            bound = [value for row in rows[start : start + size] for value in row]
            self._connection.execute(f"insert into journal (device, epoch, messages) values {values}", bound)
            start += size


def _rows(taken: Sequence[Arrival]) -> list[Row]:
    by_device: dict[str, list[bytes]] = {}
    for device, messages, _, _ in taken:
        by_device.setdefault(device, []).extend(messages)
    return [(device, b"\n".join(messages)) for device, messages in by_device.items()]


def stored(folder: Path) -> list[tuple[str, int]]:
    """Return device and number of every message in the journal."""
    with sqlite3.connect(folder / DATABASE_NAME) as connection:
        rows: list[Row] = connection.execute("select device, messages from journal").fetchall()
    connection.close()
    return [(device, _number(it)) for device, messages in rows for it in messages.split(b"\n")]


def _number(payload: bytes) -> int:
    told = _decode(payload)
    values = told.get("values", told)
    assert isinstance(values, dict)
    return int(str(values[SERIES])[:DIGITS])


def _acknowledge(taken: Sequence[Arrival]) -> None:
    for _, _, acknowledgements, transport in taken:
        if not transport.is_closing():
            transport.write(acknowledgements)


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left = b""
        self._device = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's has another parent class

    def data_received(self, data: bytes) -> None:
        """Take all whole packets at once: one hand-over to the journal per read."""
        data, at, acknowledgements, messages = self._left + data, 0, bytearray(), list[bytes]()
        while (packet := _packet(data, at)) is not None:
            start, at_next = packet
            if data[at] >> 4 == 3:
                topic_ends = start + 2 + int.from_bytes(data[start : start + 2], "big")
                acknowledgements += b"\x40\x02" + data[topic_ends : topic_ends + 2]
                payload = data[topic_ends + 2 : at_next]
                _decode(payload)
                messages.append(payload)
            elif data[at] >> 4 == 1:
                user_name_at = start + 14 + int.from_bytes(data[start + 10 : start + 12], "big")
                self._device = data[user_name_at:at_next].decode(errors="replace")
                self._transport.write(_CONNACK)
            at = at_next
        self._left = data[at:]
        if messages:
            self._journal.arrivals.put((self._device, messages, bytes(acknowledgements), self._transport))


def _packet(data: bytes, at: int) -> tuple[int, int] | None:
    """Return where the body of the packet at `at` starts and ends; None when not all of it is there."""
    length, shift, start = 0, 0, at + 1
    while start < len(data):
        digit = data[start]
        length, shift, start = length | (digit & 127) << shift, shift + 7, start + 1
        if digit < 128:
            return (start, start + length) if start + length <= len(data) else None
    return None


def serve(folder: Path, port: int) -> None:
    """Listen on 127.0.0.1 until killed; the rows go into `folder`."""
    uvloop.run(_serve(folder, port))


async def _serve(folder: Path, port: int) -> None:
    loop = asyncio.get_running_loop()
    journal = Journal(folder / DATABASE_NAME, loop)
    server = await loop.create_server(lambda: Connection(journal), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()
