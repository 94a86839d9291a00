"""The journal: telemetry is appended to it as it came and acknowledged; then it is moved to where reads look.

Appending costs one row per device and commit, writing time series one or two per value. The journal takes
bursts that the time series could not; what is in it is as durable as anything else.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from deedbox.core.telemetry import Point, Recording, TimeSeriesStore
from deedbox.core.values import as_value

#: Moved in one transaction: some hundredths of a second, in which nobody else writes.
_MOST_BYTES = 262_144


class Message(msgspec.Struct, array_like=True, gc=False):
    """One telemetry message that was found to be good. `received_at` epoch milliseconds.

    `payload` is strict JSON: an object of names and values, all of the moment of receipt; `ts` and such an
    object as `values`; or an array of `[name, ts, value]`.
    """

    received_at: int
    payload: bytes


class Entry(msgspec.Struct, frozen=True):
    """What a device sent between two commits; `epoch` is the device's in the transaction that stored it."""

    id: int
    device_id: UUID
    epoch: int
    messages: Sequence[Message] = ()


class JournalStore(TimeSeriesStore, Protocol):
    """Rows of the journal, inside one transaction, and the time series that they are moved to."""

    async def append(self, messages: Sequence[tuple[UUID, Sequence[Message]]]) -> list[Entry]:
        """Add an entry for each device, stamped with its epoch as it is at that very moment.

        Return the entries without their messages; devices that are gone have none.
        """
        ...

    async def oldest_entries(self, most: int) -> list[Entry]:
        """Return the oldest entries."""
        ...

    async def entries(self, entry_ids: Collection[int]) -> list[Entry]:
        """Return those of these entries that are there, oldest first."""
        ...

    async def index_of(self, device_ids: Collection[UUID]) -> list[tuple[int, UUID]]:
        """Return the id and the device of every entry of these devices, oldest first.

        Quick where several processes share the database; where there is one, that knows it by heart.
        """
        ...

    async def index(self) -> list[tuple[int, UUID]]:
        """Return the id and the device of every entry, oldest first."""
        ...

    async def remove_entries(self, entry_ids: Collection[int]) -> None:
        """Delete these entries."""
        ...


class Moved(msgspec.Struct, frozen=True):
    """Entries whose messages are where reads look now; `messages` counts them."""

    entries: Sequence[Entry]
    messages: int
    size_bytes: int = 0


async def move_oldest(store: JournalStore, most: int) -> Moved:
    """Move the oldest entries to the time series; fewer where they are large."""
    return await _move(store, _bite_of(await store.oldest_entries(most)))


async def move_some(store: JournalStore, entry_ids: Collection[int]) -> Moved:
    """Move the oldest of these entries, as far as they are there; fewer where they are large."""
    return await _move(store, _bite_of(await store.entries(entry_ids)))


async def move(store: JournalStore, entry_ids: Collection[int]) -> Moved:
    """Move these entries to the time series; those that were moved already are no error."""
    return await _move(store, await store.entries(entry_ids))


async def _move(store: JournalStore, entries: Sequence[Entry]) -> Moved:
    await store.write_points([recording(it) for it in entries])
    await store.remove_entries([it.id for it in entries])
    told = [message for it in entries for message in it.messages]
    return Moved(entries, len(told), size_bytes(told))


def _bite_of(entries: Sequence[Entry]) -> list[Entry]:
    """Return the first entry, and those that follow until there is too much for one transaction."""
    taken: list[Entry] = []
    taken_bytes = 0
    for it in entries:
        taken_bytes += size_bytes(it.messages)
        if taken and taken_bytes > _MOST_BYTES:
            break
        taken.append(it)
    return taken


def size_bytes(messages: Iterable[Message]) -> int:
    """Return how long the payloads of these messages are."""
    return sum(len(it.payload) for it in messages)


def recording(entry: Entry) -> Recording:
    """Return what an entry's messages say, as of the epoch they were received in."""
    points = [point for message in entry.messages for point in points_of(message)]
    return Recording(entry.device_id, points, epoch=entry.epoch)


def points_of(message: Message) -> list[Point]:
    """Return the points of a message."""
    told: Any = msgspec.json.decode(message.payload)
    if isinstance(told, dict):
        ts, values = message.received_at, told
        if isinstance(told.get("values"), dict):
            ts, values = told["ts"], told["values"]
        return [Point(name, ts, as_value(name, value)) for name, value in values.items()]
    return [Point(name, ts, value) for name, ts, value in told]


def as_payload(points: Sequence[Point]) -> bytes:
    """Return points as the payload of a message."""
    return msgspec.json.encode([(it.key, it.ts, it.value) for it in points])
