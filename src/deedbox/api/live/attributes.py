"""Subscriptions to attributes: what they are first, then what changed, or `""` at 0 for one that is gone."""

from collections.abc import Hashable

from deedbox.api.live.commands import AttributesCommand
from deedbox.api.live.following import Following, Wishes
from deedbox.api.live.outbox import Told, Values
from deedbox.api.live.subscriptions import Listener
from deedbox.api.live.updates import SeriesUpdate, series_update
from deedbox.api.values import entity, named_keys
from deedbox.core import attribute_access, holders
from deedbox.core.attribute_access import Named
from deedbox.core.attributes import Attribute, Scope
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import Extent
from deedbox.core.live import AttributesChanged, PointsArrived
from deedbox.core.permissions import Operation
from deedbox.core.storage import Stores
from deedbox.core.values import value_text

_GONE = Told(0, "")


class AttributeSubscription:
    """Hears of attributes of one entity; a claim key never shows its secret here."""

    weight = 1
    is_asking = False

    def __init__(self, listener: Listener, command: AttributesCommand) -> None:
        self._listener = listener
        self._id = command.cmd_id
        kind, entity_id = entity(command.entity_type, command.entity_id)
        self._wanted = Named(kind, entity_id, _scopes(command.scope))
        self._names = frozenset(named_keys(command.keys, None))
        self._known: dict[tuple[Scope, str], Told] | None = None
        wishes = Wishes(self._look, self._take, self._concerns, lambda why: listener.lost(self._id, why))
        self._following = Following(listener.context.live, kind, entity_id, wishes)

    async def begin(self) -> None:
        """Send what there is, then follow it. Raises NotFound, NotPermitted."""
        await self._following.begin()

    async def refresh(self) -> None:
        """All changes of attributes are told."""

    def stop(self) -> None:
        """Hear no more."""
        self._following.stop()

    async def _look(self) -> Extent:
        context, principal, wanted = self._listener.context, self._listener.principal, self._wanted

        async def work(stores: Stores) -> tuple[Extent, list[Attribute]]:
            holder = await holders.permitted(
                stores.attributes, principal, Operation.READ_ATTRIBUTES, wanted.kind, wanted.id
            )
            # All are read and none is named: so a claim key is hidden, whoever asks (behaviour §3.4).
            found = await attribute_access.read(stores, context.keys, principal, self._listener.actor, wanted)
            return holders.extent(holder, principal), found

        extent, found = await context.storage.read(work)
        await self._send({(it.scope, it.name): _told(it) for it in found if self._is_named(it.name)})
        return extent

    async def _send(self, found: dict[tuple[Scope, str], Told]) -> None:
        before, self._known = self._known, found
        outbox = self._listener.outbox
        if before is None:
            values: dict[Hashable, list[Told]] = {}
            for (_, name), told in found.items():
                values.setdefault(name, []).append(told)
            await outbox.answer(self._shape(values))
            return
        gone = {place: _GONE for place in before if place not in found}
        for place, told in (found | gone).items():
            if before.get(place) != told:
                outbox.update(self._id, self._shape, place[1], told)

    def _shape(self, values: Values) -> SeriesUpdate:
        return series_update(self._id, values)

    def _is_named(self, name: str) -> bool:
        return not self._names or name in self._names

    def _concerns(self, change: AttributesChanged) -> bool:
        return change.scope in self._wanted.scopes and any(map(self._is_named, change.names))

    def _take(self, _: PointsArrived) -> None:
        """Points are no attributes."""


def _told(it: Attribute) -> Told:
    return Told(it.updated_at, value_text(it.value))


def _scopes(text: str | None) -> tuple[Scope, ...]:
    if not text:
        return tuple(Scope)
    if text not in Scope.__members__:
        raise InvalidValue(f"Invalid scope: {text[:64]}. Expected: {', '.join(Scope.__members__)}.")
    return (Scope[text],)
