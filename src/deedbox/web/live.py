"""What a device's page shows and its script asks for again and again: one snapshot, in words."""

from uuid import UUID

import msgspec

from deedbox.core import holders
from deedbox.core.attributes import Attribute, Scope
from deedbox.core.errors import NotFound
from deedbox.core.owned_devices import OwnedDevice
from deedbox.core.permissions import Operation, Principal, Resource
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point
from deedbox.core.values import Value
from deedbox.web.texts import text
from deedbox.web.wording import state_words, value_words, when_words

#: The attribute that the switch sets, and that a device reports to get one.
SWITCH = "on"
_MOST_VALUES = 40
_SHORT_VALUE = 24


class ShownValue(msgspec.Struct, frozen=True):
    """A value with its name and age; a long one gets the whole width."""

    name: str
    text: str
    when: str
    is_long: bool = False


class Switch(msgspec.Struct, frozen=True):
    """The switch: where it stands, and what is known about it in words."""

    is_on: bool
    text: str


class Live(msgspec.Struct, frozen=True):
    """A device at a moment; `switch` is None for a device that never spoke of one."""

    online: bool
    state: str
    values: list[ShownValue]
    hidden: int
    switch: Switch | None


async def look_at(
    stores: Stores, principal: Principal, customer_id: UUID, device_id: UUID
) -> tuple[OwnedDevice, Live]:
    """Return the device as its owner may see it. Raises NotFound when the customer does not own it."""
    device = await stores.owned_devices.owned_device(customer_id, device_id)
    if device is None:
        raise NotFound
    kind, may_see = Resource.DEVICE, Operation.READ_TELEMETRY
    holder = await holders.permitted(stores.time_series, principal, may_see, kind, device_id)
    await holders.permitted(stores.attributes, principal, Operation.READ_ATTRIBUTES, kind, device_id)
    extent, now_ms = holders.extent(holder, principal), await stores.time_series.now_ms()
    points = await stores.time_series.latest_points(device_id, extent)
    scopes = (Scope.SHARED_SCOPE, Scope.CLIENT_SCOPE)
    attributes = await stores.attributes.attributes_of(device_id, scopes, extent)
    return device, live_of(device, points, attributes, now_ms)


def live_of(device: OwnedDevice, points: list[Point], attributes: list[Attribute], now_ms: int) -> Live:
    """Put a snapshot into words; of a series and an attribute of one name the newer counts."""
    reported = {it.name: (it.value, it.updated_at) for it in attributes if it.scope is Scope.CLIENT_SCOPE}
    for point in points:
        if point.key not in reported or reported[point.key][1] <= point.ts:
            reported[point.key] = (point.value, point.ts)
    asked = {it.name: it.value for it in attributes if it.scope is Scope.SHARED_SCOPE}
    switch = _switch(asked.get(SWITCH), reported.get(SWITCH, (None, 0))[0])
    if switch is not None:
        reported.pop(SWITCH, None)
    names = sorted(reported)
    values = [_shown(name, *reported[name], now_ms) for name in names[:_MOST_VALUES]]
    heard = [moment for _, moment in reported.values() if moment <= now_ms]
    seen_at = max([*heard, *([device.seen_at] if device.seen_at else [])], default=None)
    online, state = state_words(None if seen_at is None else now_ms - seen_at)
    return Live(online, state, values, max(0, len(names) - _MOST_VALUES), switch)


def _shown(name: str, value: Value, ts: int, now_ms: int) -> ShownValue:
    words = value_words(value)
    return ShownValue(name, words, when_words(now_ms - ts), len(words) > _SHORT_VALUE)


def _switch(asked: Value | None, reported: Value | None) -> Switch | None:
    wish = asked if isinstance(asked, bool) else None
    fact = reported if isinstance(reported, bool) else None
    if wish is None and fact is None:
        return None
    if wish is None or wish == fact:
        return Switch(bool(fact), text("device.is_on" if fact else "device.is_off"))
    return Switch(wish, text("device.asked_on" if wish else "device.asked_off"))
