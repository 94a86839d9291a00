"""Claim windows as rows: one per device and kind."""

from collections.abc import Collection, Sequence
from uuid import UUID

from deedbox.core.ids import identifier
from deedbox.core.ownership import WindowKind
from deedbox.core.windows import NewWindow
from deedbox.storage.attempts import AttemptStore


class WindowStore(AttemptStore):
    """Windows inside a transaction."""

    async def open_windows(self, windows: Sequence[NewWindow]) -> Collection[UUID]:
        """Open or replace windows; announced ones only where no deed is open and nothing blocks."""
        rows = [
            (it.device_id, int(it.kind), it.digest, it.ciphertext, it.expires_at, it.opened_at)
            for it in windows
        ]
        return {identifier(row[0]) for row in await self.transaction.batch("open_windows", rows)}

    async def drop_windows(self, device_ids: Collection[UUID]) -> None:
        """Delete all windows of these devices."""
        await self.transaction.later("drop_windows", _each(device_ids))

    async def drop_announced_windows(self, device_ids: Collection[UUID]) -> None:
        """Delete the windows that these devices announced."""
        await self.transaction.batch("drop_announced_windows", _each(device_ids))

    async def drop_window(self, device_id: UUID, kind: WindowKind) -> bool:
        """Delete one window; tell whether there was one."""
        return await self.transaction.run("drop_window", device_id=device_id, kind=int(kind)) > 0

    async def lapse_windows(self, device_ids: Collection[UUID], now_ms: int) -> None:
        """Mark windows that expired before `now_ms`."""
        await self.transaction.batch("lapse_windows", _each(device_ids), now_ms=now_ms)

    async def note_refused_announcements(self, refused: Sequence[tuple[UUID, int, str]]) -> Collection[UUID]:
        """Remember refusals; return the devices for which this reason is new in this epoch."""
        now_ms = self.transaction.now_ms
        rows = await self.transaction.batch("note_refused_announcements", [(*it, now_ms) for it in refused])
        return {identifier(row[0]) for row in rows}

    async def set_blocked(self, device_id: UUID, blocked: bool) -> None:
        """Block or allow claiming of a device, whatever its keys say."""
        await self.transaction.run("set_blocked", device_id=device_id, blocked=blocked)


def _each(device_ids: Collection[UUID]) -> list[tuple[UUID]]:
    return [(device_id,) for device_id in device_ids]
