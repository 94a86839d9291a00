"""Gateways: devices that speak for others. Whom a gateway speaks for is decided here, in one transaction.

A gateway speaks for devices that it made, that the tenant put under it by a relation, and, while it has no
owner, for unowned devices that are under no other gateway: it adopts them. One that a customer owns makes
devices but never adopts: its owner could offer, and then claim, what was not sold yet (behaviour §2.8).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec
from msgspec import Meta

from deedbox.core import gateway_devices
from deedbox.core.deeds import DeedStore
from deedbox.core.device_profiles import DeviceProfileStore
from deedbox.core.device_quotas import room_for_devices
from deedbox.core.devices import DeviceStore, checked_name
from deedbox.core.errors import InvalidValue
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import DeviceState
from deedbox.core.records import Actor, Event, Subject, audit_entry, json_text
from deedbox.core.relations import MOST_RELATIONS

#: Refusals of one gateway that the tenant hears of: whoever guesses names must not fill the audit log.
MOST_TOLD = 100


class GatewayLimits(msgspec.Struct, frozen=True):
    """Section `gateways`."""

    most_devices: Annotated[
        int,
        Meta(ge=0, le=MOST_RELATIONS, description="Devices that may be under a gateway, by what it does."),
    ] = MOST_RELATIONS
    most_devices_owned: Annotated[
        int,
        Meta(ge=0, le=MOST_RELATIONS, description="The same while a customer owns the gateway."),
    ] = 1_000
    adopts: Annotated[
        bool, Meta(description="Gateways without an owner adopt unowned devices that they name.")
    ] = True


class NotSpokenFor(StrEnum):
    """Why a gateway does not speak for a device; the values are on the wire."""

    NOT_ITS_DEVICE = "not_its_device"
    TOO_MANY_DEVICES = "too_many_devices"
    BAD_NAME = "bad_name"


class Gateway(msgspec.Struct, frozen=True):
    """A device as far as it decides about others; `additional_info` JSON text."""

    id: UUID
    tenant_id: UUID
    name: str
    additional_info: str

    @property
    def is_gateway(self) -> bool:
        """Tell whether the tenant made it a gateway: `additionalInfo.gateway` is true."""
        info = msgspec.json.decode(self.additional_info)
        return isinstance(info, dict) and info.get("gateway") is True


class Entered(msgspec.Struct):
    """Which of the named devices the gateway speaks for, and why not for others.

    `owned`: devices that got an owner just now, its own.
    """

    gateway: Gateway
    children: dict[str, UUID]
    refused: dict[str, NotSpokenFor] = {}
    owned: Sequence[UUID] = ()


class GatewayStore(Protocol):
    """Who is under which gateway, inside one transaction."""

    async def gateway(self, device_id: UUID) -> Gateway | None:
        """Return the device, gateway or not."""
        ...

    async def children_named(self, gateway: Gateway, names: Collection[str]) -> Mapping[str, UUID]:
        """Return those of the tenant's devices with these names that are under the gateway."""
        ...

    async def gateways_over(self, device_ids: Collection[UUID]) -> Mapping[UUID, list[Gateway]]:
        """Return the devices that these devices are under, whether they are gateways or not."""
        ...

    async def put_under(self, gateway: Gateway, relation_type: str, device_ids: Collection[UUID]) -> None:
        """Relate the gateway to these devices."""
        ...

    async def child_count(self, gateway_id: UUID, most: int) -> int:
        """Return how many devices are under the gateway, counted up to `most`."""
        ...

    async def spoken_for(self, pairs: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Return those of (gateway, device) of which the second is under the first, a gateway."""
        ...


class Entering(msgspec.Struct, frozen=True):
    """What deciding about named devices needs: stores of one transaction, keys and limits.

    `is_news` tells whether the tenant has not heard of this refusal yet.
    """

    gateways: GatewayStore
    devices: DeviceStore
    deeds: DeedStore
    profiles: DeviceProfileStore
    keys: KeyRing
    limits: GatewayLimits
    is_news: Callable[[str, NotSpokenFor], bool]


async def known(store: GatewayStore, gateway_id: UUID, names: Collection[str]) -> Entered | None:
    """Return those of the devices that are under the gateway already; None when it is no gateway."""
    gateway = await store.gateway(gateway_id)
    if gateway is None or not gateway.is_gateway:
        return None
    return Entered(gateway, dict(await store.children_named(gateway, names)))


async def enter(entering: Entering, gateway_id: UUID, wishes: Mapping[str, str]) -> Entered | None:
    """Decide about devices (name -> type) that a gateway names; make and adopt what it may.

    Needs a transaction that nobody writes beside. Return None when it is no gateway.
    """
    gateway = await entering.gateways.gateway(gateway_id)
    if gateway is None or not gateway.is_gateway:
        return None
    ids = await entering.devices.device_ids_named(gateway.tenant_id, wishes)
    states = await entering.deeds.lock_devices({gateway_id, *ids.values()})
    decided = _Decided(gateway, states[gateway_id], wishes)
    there = [
        state for device_id, state in states.items() if device_id != gateway_id or gateway.name in wishes
    ]
    await decided.sort(entering, there)
    await decided.limit(entering)
    return await decided.carry_out(entering)


class _Decided:
    """What is to be done about each name."""

    def __init__(self, gateway: Gateway, state: DeviceState, wishes: Mapping[str, str]) -> None:
        self.gateway, self.state, self.wishes = gateway, state, wishes
        self.under: list[DeviceState] = []
        self.adopted: list[DeviceState] = []
        self.new: list[str] = []
        self.refused: dict[str, NotSpokenFor] = {}

    async def sort(self, entering: Entering, there: Sequence[DeviceState]) -> None:
        """Tell devices that are under the gateway from those that may be, and from all others."""
        over = await entering.gateways.gateways_over([it.device.id for it in there])
        for it in there:
            above = [gateway for gateway in over.get(it.device.id, ()) if gateway.is_gateway]
            if it.device.id != self.gateway.id and any(above_it.id == self.gateway.id for above_it in above):
                self.under.append(it)
            elif entering.limits.adopts and not (above or it.deed or self.state.deed) and self._is_other(it):
                self.adopted.append(it)
            else:
                self.refused[it.device.name] = NotSpokenFor.NOT_ITS_DEVICE
        for name in self.wishes.keys() - {it.device.name for it in there}:
            if _can_be_name(name):
                self.new.append(name)
            else:
                self.refused[name] = NotSpokenFor.BAD_NAME

    async def limit(self, entering: Entering) -> None:
        """Refuse what would be too many devices under the gateway, the last ones that it named."""
        if not (self.new or self.adopted):
            return
        most = await self._most(entering)
        room = max(0, most - await entering.gateways.child_count(self.gateway.id, most))
        self._refuse([it.device.name for it in self.adopted[room:]])
        self.adopted = self.adopted[:room]
        order = {name: number for number, name in enumerate(self.wishes)}
        self.new.sort(key=order.__getitem__)
        room -= len(self.adopted)
        room = min(room, await room_for_devices(entering.devices, self.gateway.tenant_id))
        self._refuse(self.new[room:])
        self.new = self.new[:room]

    async def carry_out(self, entering: Entering) -> Entered:
        """Write what was decided."""
        making = gateway_devices.ChildMaking(
            entering.devices, entering.deeds, entering.profiles, entering.keys, self.state
        )
        made = await gateway_devices.make(making, {name: self.wishes[name] for name in self.new})
        await entering.gateways.put_under(self.gateway, gateway_devices.MADE, [it.id for it in made])
        adopted = [it.device.id for it in self.adopted]
        await entering.gateways.put_under(self.gateway, gateway_devices.ADOPTED, adopted)
        await gateway_devices.note_adopted(making, self.adopted)
        await gateway_devices.note_gateway(making, [*self.under, *self.adopted])
        await self._tell_tenant(entering)
        children = {it.device.name: it.device.id for it in (*self.under, *self.adopted)}
        owned = [it.id for it in made] if self.state.deed else ()
        return Entered(self.gateway, children | {it.name: it.id for it in made}, self.refused, owned)

    async def _most(self, entering: Entering) -> int:
        """Return how many devices may be under the gateway: the least that somebody says."""
        limits = entering.limits
        most = limits.most_devices_owned if self.state.deed else limits.most_devices
        quota = (await entering.devices.device_quota(self.gateway.tenant_id)).gateway_devices
        return min(most, quota) if quota else most

    def _is_other(self, it: DeviceState) -> bool:
        return it.device.id != self.gateway.id

    def _refuse(self, names: Sequence[str]) -> None:
        self.refused |= dict.fromkeys(names, NotSpokenFor.TOO_MANY_DEVICES)

    async def _tell_tenant(self, entering: Entering) -> None:
        """Leave an audit entry and an event about the gateway for each refusal that is news."""
        store, device = entering.devices, self.state.device
        now_ms = await store.now_ms()
        actor = Actor(device.tenant_id, device.customer_id, None, device.name)
        subject = Subject("DEVICE", device.id, device.name, self.state.epoch)
        news = [(name, why) for name, why in self.refused.items() if entering.is_news(name, why)][:MOST_TOLD]
        data = [{"deviceName": name, "reason": why} for name, why in news]
        await store.add_audit_entries([
            audit_entry(store, actor, subject, "SPEAK_FOR_DEVICE", now_ms=now_ms, data=it,
                        failure=it["reason"].replace("_", " "))
            for it in data
        ])  # fmt: skip
        await store.add_events([
            Event(store.new_id(), device.tenant_id, device.id, self.state.epoch, "device.gateway_refused",
                  json_text({"gatewayName": device.name, **it}), now_ms)
            for it in data
        ])  # fmt: skip


def _can_be_name(name: str) -> bool:
    try:
        checked_name(name)
    except InvalidValue:
        return False
    return True
