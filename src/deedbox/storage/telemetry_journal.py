"""The journal of telemetry as rows: one per device and commit, in the order of arrival."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from deedbox.core.telemetry_journal import Entry, Message
from deedbox.storage.statements import Row
from deedbox.storage.time_series import TimeSeriesStore

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Message]).decode


class JournalStore(TimeSeriesStore):
    """The journal inside a transaction."""

    async def append(self, messages: Sequence[tuple[UUID, Sequence[Message]]]) -> list[Entry]:
        """Add an entry for each device, stamped with its epoch as it is at that very moment."""
        asked = [(device_id, _encode(told)) for device_id, told in messages]
        rows = await self.transaction.batch("append_to_journal", asked)
        # Identifiers that are there already need not be made again: this is done for every message.
        known = {device_id.bytes: device_id for device_id, _ in messages}
        return [Entry(row[0], known[row[1]], row[2]) for row in rows]

    async def oldest_entries(self, most: int) -> list[Entry]:
        """Return the oldest entries."""
        return [_entry(row) for row in await self.transaction.rows("oldest_journal_entries", most=most)]

    async def entries(self, entry_ids: Collection[int]) -> list[Entry]:
        """Return those of these entries that are there, oldest first."""
        asked = [(entry_id,) for entry_id in sorted(entry_ids)]
        return [_entry(row) for row in await self.transaction.batch("journal_entries", asked)]

    async def remove_entries(self, entry_ids: Collection[int]) -> None:
        """Delete these entries."""
        await self.transaction.batch("remove_journal_entries", [(entry_id,) for entry_id in entry_ids])

    async def index_of(self, device_ids: Collection[UUID]) -> list[tuple[int, UUID]]:
        """Return the id and the device of every entry of these devices, oldest first."""
        asked = [(device_id,) for device_id in set(device_ids)]
        rows = await self.transaction.batch("journal_index_of", asked)
        return [(row[0], UUID(bytes=row[1])) for row in rows]

    async def index(self) -> list[tuple[int, UUID]]:
        """Return the id and the device of every entry, oldest first."""
        return [(row[0], UUID(bytes=row[1])) for row in await self.transaction.rows("journal_index")]


def _entry(row: Row) -> Entry:
    return Entry(row[0], UUID(bytes=row[1]), row[2], _decode(row[3]))
