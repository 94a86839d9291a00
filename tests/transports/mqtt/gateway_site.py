"""A gateway joined to a real server in memory, and what became of the devices that it names."""

from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.attributes import Scope
from deedbox.core.device_profiles import add_default_profile
from deedbox.core.devices import Device, DeviceInfo
from deedbox.core.entities import EntityKind, Reference
from deedbox.core.ownership import DeviceState
from deedbox.core.relations import Direction, Group, Relation, RelationKey
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import TENANT
from deedbox.transports.mqtt.packets import PubAck
from tests.transports.device_site import EVERYTHING
from tests.transports.mqtt.joined import Client, JoinedSite

GATEWAY = "v1/gateway/"
CONNECT, DISCONNECT, CLAIM = GATEWAY + "connect", GATEWAY + "disconnect", GATEWAY + "claim"
TELEMETRY, ATTRIBUTES, RPC = GATEWAY + "telemetry", GATEWAY + "attributes", GATEWAY + "rpc"
REQUEST, RESPONSE = GATEWAY + "attributes/request", GATEWAY + "attributes/response"
#: What the reference server's SDK subscribes to.
FILTERS = (ATTRIBUTES, RESPONSE, RPC)


class GatewaySite:
    """A site whose `device` is a gateway of the tenant's."""

    def __init__(self, joined: JoinedSite) -> None:
        self.joined = joined
        self.gateway = joined.device
        self.scene = joined.scene

    async def prepare(self) -> None:
        """Make the device a gateway, and give the tenant its default profile."""

        async def work(stores: Stores) -> None:
            await add_default_profile(stores.device_profiles, TENANT)

        await self.joined.sqlite.storage.write(work)
        self.mark(self.gateway)

    def mark(self, device: Device, gateway: bool = True) -> None:
        """Make a device a gateway, or a plain one again."""
        info = msgspec.json.encode({"gateway": gateway}).decode()
        self.joined.sqlite.sql("update device set additional_info = ? where id = ?", info, device.id)

    async def connected(self, level: int = 5, *, filters: tuple[str, ...] = FILTERS) -> Client:
        """Return the gateway's connection, subscribed."""
        client = await self.joined.connected(level)
        await client.subscribe(*filters)
        client.got.clear()
        return client

    async def device(self, name: str, tenant_id: UUID = TENANT) -> DeviceInfo | None:
        """Return the tenant's device of that name."""

        async def ask(stores: Stores) -> DeviceInfo | None:
            ids = await stores.devices.device_ids_named(tenant_id, [name])
            return await stores.devices.device(tenant_id, ids[name]) if name in ids else None

        found: DeviceInfo | None = await self.joined.look(ask)
        return found

    async def made(self, name: str) -> DeviceInfo:
        """Return the device of that name, which is there."""
        found = await self.device(name)
        assert found is not None, name
        return found

    async def state(self, name: str) -> DeviceState:
        """Return the state of a device."""
        return await self.scene.state(await self.made(name))

    async def values(self, name: str) -> dict[str, Any]:
        """Return the newest value of each series of a device."""
        return await self.joined.latest(await self.made(name))

    async def reported(self, name: str) -> dict[str, Any]:
        """Return what a device reported about itself."""
        rows = await self.joined.look(
            lambda stores: self._attributes(stores, name),
        )
        return {it.name: it.value for it in rows}

    async def _attributes(self, stores: Stores, name: str) -> list[Any]:
        ids = await stores.devices.device_ids_named(TENANT, [name])
        return await stores.attributes.attributes_of(ids[name], [Scope.CLIENT_SCOPE], EVERYTHING)

    async def relate(self, source: Device, goal: Device, kind: str = "Contains") -> None:
        """Let the tenant put one device under another."""
        await self._change_relation(source, goal, kind, is_there=True)

    async def part(self, source: Device, goal: Device, kind: str = "Contains") -> None:
        """Let the tenant take it away again."""
        await self._change_relation(source, goal, kind, is_there=False)

    async def relation_types(self, goal: Device) -> list[str]:
        """Return the types of the relations that lead from the gateway to a device."""

        async def ask(stores: Stores) -> list[Relation]:
            ends = [Reference(EntityKind.DEVICE, goal.id)]
            return await stores.relations.relations(TENANT, ends, Direction.TO, Group.COMMON, 10)

        found = await self.joined.look(ask)
        return [it.key.type for it in found if it.key.source.id == self.gateway.id]

    async def _change_relation(self, source: Device, goal: Device, kind: str, *, is_there: bool) -> None:
        ends = [Reference(EntityKind.DEVICE, it.id) for it in (source, goal)]
        key = RelationKey(ends[0], ends[1], kind)

        async def work(stores: Stores) -> None:
            if is_there:
                await stores.relations.put(TENANT, Relation(key))
            else:
                await stores.relations.delete(TENANT, key)

        await self.joined.sqlite.storage.write(work)


def acknowledged(packets: list[Any]) -> PubAck:
    """Return the one acknowledgement among these."""
    (found,) = [it for it in packets if isinstance(it, PubAck)]
    return found


def told(packets: list[Any]) -> dict[str, Any]:
    """Return what the acknowledgement says."""
    said: dict[str, Any] = msgspec.json.decode(acknowledged(packets).properties.reason_string or "{}")
    return said
