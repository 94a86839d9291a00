"""Stored commands as rows."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.paging import Listing, PageSlice
from deedbox.core.persistent_commands import PersistentCommand, Status, delivery
from deedbox.core.rpc import Delivery
from deedbox.storage.holders import HolderStore
from deedbox.storage.paging import listing


class PersistentCommandStore(HolderStore):
    """Stored commands inside a transaction."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return self.transaction.random_bytes(count)

    async def pending_ids(self, device_id: UUID) -> list[int]:
        """Return the delivery ids of the device's commands that have neither ended nor expired."""
        rows = await self.transaction.rows("pending_command_ids", device_id=device_id, now_ms=self._now_ms)
        return [int(row[0]) for row in rows]

    async def add_command(self, command: PersistentCommand) -> None:
        """Store a new command, in the epoch that the device is in."""
        await self.transaction.run("add_command", **msgspec.structs.asdict(command))

    async def is_waiting(self, device_id: UUID) -> bool:
        """Tell whether the device has a command that could be sent, or whose time for a step is over."""
        rows = await self.transaction.rows("command_waits", device_id=device_id, now_ms=self._now_ms)
        return bool(rows)

    async def waiting_devices(self, device_ids: Sequence[UUID]) -> list[UUID]:
        """Return those of the devices of which `is_waiting` is true."""
        asked = [(it,) for it in device_ids]
        rows = await self.transaction.batch("devices_with_waiting_commands", asked, now_ms=self._now_ms)
        return [UUID(bytes=row[0]) for row in rows]

    async def expire_commands(self, device_id: UUID) -> None:
        """End those of the device's commands that have expired."""
        await self.transaction.run("expire_commands", device_id=device_id, now_ms=self._now_ms)

    async def time_out_commands(self, device_id: UUID, response: bytes) -> None:
        """Let those that are due wait for their next attempt; those without one fail with the response."""
        await self.transaction.run(
            "time_out_commands", device_id=device_id, response=response.decode(), now_ms=self._now_ms
        )

    async def take_command(self, device_id: UUID, due_at: int) -> Delivery | None:
        """Mark the oldest command as sent, in one guarded statement; None when there is none to send."""
        rows = await self.transaction.rows("take_command", device_id=device_id, due_at=due_at)
        return delivery(device_id, rows[0], await self.now_ms()) if rows else None

    async def note_delivered(self, device_id: UUID, delivery_id: int) -> None:
        """Note that the device has what was sent; a late acknowledgement saves the next attempt."""
        await self._note("note_command_delivered", device_id, delivery_id)

    async def note_failed(self, device_id: UUID, delivery_id: int, *, returned_attempts: int) -> None:
        """Make what was sent due now, and give it back so many attempts."""
        await self._note("note_command_failed", device_id, delivery_id, returned_attempts=returned_attempts)

    async def note_reply(self, device_id: UUID, delivery_id: int, reply: bytes) -> bool:
        """Note the reply to what was sent; tell whether it was waited for."""
        response = reply.decode() or "null"
        return await self._note("note_command_reply", device_id, delivery_id, response=response)

    async def overdue_devices(self, most: int) -> list[UUID]:
        """Return devices that have a command whose time for a step is over."""
        rows = await self.transaction.rows("devices_with_overdue_commands", now_ms=self._now_ms, most=most)
        return [UUID(bytes=row[0]) for row in rows]

    async def command(self, command_id: UUID) -> PersistentCommand | None:
        """Return the command, None when there is none."""
        found = await self.transaction.structs(
            "command_by_id", PersistentCommand, id=command_id, now_ms=self._now_ms
        )
        return found[0] if found else None

    async def list_commands(
        self, device_id: UUID, from_epoch: int, status: Status | None, asked: PageSlice
    ) -> Listing[PersistentCommand]:
        """Return a page of a device's commands of that epoch and later ones; a search looks at methods."""
        return await listing(
            self.transaction,
            "commands_of_device",
            asked,
            PersistentCommand,
            tally=None,
            device_id=device_id,
            from_epoch=from_epoch,
            status=status or "",
            now_ms=self._now_ms,
        )

    async def delete_command(self, command_id: UUID) -> None:
        """Delete the command; what is on its way to the device is not called back."""
        await self.transaction.run("delete_command", id=command_id)

    @property
    def _now_ms(self) -> int:
        return self.transaction.now_ms

    async def _note(self, statement: str, device_id: UUID, delivery_id: int, **more: int | str) -> bool:
        changed = await self.transaction.run(
            statement, device_id=device_id, delivery_id=delivery_id, now_ms=self._now_ms, **more
        )
        return changed > 0
