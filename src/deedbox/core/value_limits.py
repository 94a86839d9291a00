"""How many names of values a device may bring: whoever has its token must not grow the database for ever."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from deedbox.core.errors import InvalidValue

#: Names that the owner of a device may give its shared attributes, the tenant's among them.
MOST_OWNER_ATTRIBUTES = 1_000
_MOST_MARKS = 100_000

NamesOf = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, set[str]]]]


class ValueLimits(Struct, frozen=True):
    """Section `values`."""

    most_series: Annotated[
        int, Meta(ge=1, le=100_000, description="Time series that one device may make; others get 400.")
    ] = 1_000
    most_attributes: Annotated[
        int, Meta(ge=1, le=100_000, description="Attributes that one device may report; others get 400.")
    ] = 1_000


class NameBudget:
    """Refuses new names beyond `most` per device. Names that were let through before cost one look-up here.

    One per kind of values and process; only work inside write transactions may use it.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        # What devices send is mostly what they sent before: a mark for each device and set of names.
        self._marks: set[int] = set()

    def has_passed(self, device_id: UUID, names: frozenset[str]) -> bool:
        """Tell whether these names of the device were let through before; may be asked anywhere."""
        return hash((device_id, names)) in self._marks

    async def refusals(
        self, asked: Sequence[tuple[UUID, frozenset[str]]], stored: NamesOf
    ) -> list[InvalidValue | None]:
        """Decide in order about (device, names); `stored` returns the names that devices have already."""
        unknown = {device_id for device_id, names in asked if hash((device_id, names)) not in self._marks}
        if not unknown:
            return [None] * len(asked)
        found = await stored(unknown)
        known = {device_id: set(found.get(device_id, ())) for device_id in unknown}
        return [self._refusal(device_id, names, known) for device_id, names in asked]

    def _refusal(
        self, device_id: UUID, names: frozenset[str], known: Mapping[UUID, set[str]]
    ) -> InvalidValue | None:
        mark = hash((device_id, names))
        if mark in self._marks:
            return None
        new = names - known[device_id]
        if new and len(known[device_id]) + len(new) > self._most:
            return InvalidValue(
                f"This device has {len(known[device_id])} {self._what} and would get {len(new)} more; "
                f"at most {self._most} are kept. Send values under names that it uses already."
            )
        known[device_id].update(new)
        if len(self._marks) >= _MOST_MARKS:
            self._marks.clear()
        self._marks.add(mark)
        return None
