"""Tells tenants that limits were reached: once an hour for each limit, and how often."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.limit_notices import Notice, tell
from deedbox.core.rates import Kind, Whose
from deedbox.core.storage import Storage, Stores

TOLD_EVERY_MS = 3_600_000
#: Limits of tenants that are remembered; who is beyond them is still refused and counted.
MOST_REMEMBERED = 100_000


class _Noted(msgspec.Struct):
    """Refusals by one limit of a tenant since it was told last."""

    subject: str
    count: int = 0
    told_at: int | None = None


class LimitNotices:
    """Collects refusals until they are written. Each process tells for itself."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._noted: dict[tuple[UUID, Whose, Kind], _Noted] = {}

    def note(self, tenant_id: UUID, whose: Whose, kind: Kind, subject: str) -> None:
        """Hear of one more refusal; `subject` is who was refused first."""
        noted = self._noted.get((tenant_id, whose, kind))
        if noted is None:
            if len(self._noted) >= MOST_REMEMBERED:
                return
            noted = self._noted[tenant_id, whose, kind] = _Noted(subject)
        elif not noted.count:
            noted.subject = subject
        noted.count += 1

    async def write(self) -> None:
        """Tell tenants what they were not told within the hour. Raises StorageUnavailable."""
        now_ms = self._storage.now_ms()
        due = {key: it for key, it in self._noted.items() if it.count and _is_due(it, now_ms)}
        notices = [Notice(*key, it.subject, it.count) for key, it in due.items()]
        if notices:
            await self._write(notices)
        for it, notice in zip(due.values(), notices, strict=True):
            it.count -= notice.count
            it.told_at = now_ms
        self._forget(now_ms)

    async def _write(self, notices: Sequence[Notice]) -> None:
        async def work(stores: Stores) -> None:
            await tell(stores.tenants, notices)

        await self._storage.write_beside(work)

    def _forget(self, now_ms: int) -> None:
        quiet = [key for key, it in self._noted.items() if not it.count and _is_due(it, now_ms)]
        for key in quiet:
            del self._noted[key]


def _is_due(noted: _Noted, now_ms: int) -> bool:
    return noted.told_at is None or now_ms - noted.told_at >= TOLD_EVERY_MS
