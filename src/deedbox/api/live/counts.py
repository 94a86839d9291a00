"""Subscriptions to how many things there are."""

from deedbox.api.entity_queries import counted
from deedbox.api.live.commands import EntityCountCommand
from deedbox.api.live.subscriptions import Listener
from deedbox.api.live.updates import EntityCountUpdate
from deedbox.api.shapes.entity_queries import entity_query


class CountSubscription:
    """Counts things now and every few seconds; tells when the number is another one."""

    weight = 1
    is_asking = True

    def __init__(self, listener: Listener, command: EntityCountCommand) -> None:
        self._listener = listener
        self._id = command.cmd_id
        self._query = entity_query(command.query, listener.principal)
        self._last = -1

    async def begin(self) -> None:
        """Send the number. Raises NotPermitted, InvalidValue."""
        self._last = await self._count()
        await self._listener.outbox.answer(self._update())

    async def refresh(self) -> None:
        """Send the number if it changed."""
        count = await self._count()
        if count != self._last:
            self._last = count
            self._listener.outbox.put(self._id, self._update())

    def stop(self) -> None:
        """There is nothing to end."""

    async def _count(self) -> int:
        return await counted(self._listener.context, self._listener.principal, self._query)

    def _update(self) -> EntityCountUpdate:
        return EntityCountUpdate(cmd_id=self._id, count=self._last)
