"""When devices were last heard of: noted to the minute, not at every message."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

#: A device that keeps talking is noted again after this long.
NOTED_EVERY_MS = 60_000


class ActivityStore(Protocol):
    """Rows of last activity, inside one transaction."""

    async def note_activity(self, heard_at: Mapping[UUID, int]) -> None:
        """Store when devices were heard of (epoch ms); the later moment counts, deleted devices don't."""
        ...
