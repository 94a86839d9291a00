"""Who is under which gateway, as rows: relations of the group COMMON from one device to another."""

from collections.abc import Collection
from uuid import UUID

from deedbox.core.gateways import Gateway
from deedbox.storage.devices import DeviceStore
from deedbox.storage.statements import Row, Transaction


class GatewayStore:
    """Gateways inside a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction

    async def gateway(self, device_id: UUID) -> Gateway | None:
        """Return the device, gateway or not."""
        rows = await self.transaction.rows("gateway_by_id", device_id=device_id)
        return _gateway(rows[0]) if rows else None

    async def children_named(self, gateway: Gateway, names: Collection[str]) -> dict[str, UUID]:
        """Return those of the tenant's devices with these names that are under the gateway."""
        found = await DeviceStore(self.transaction).device_ids_named(gateway.tenant_id, names)
        under = await self.spoken_for([(gateway.id, it) for it in found.values()])
        return {name: it for name, it in found.items() if (gateway.id, it) in under}

    async def gateways_over(self, device_ids: Collection[UUID]) -> dict[UUID, list[Gateway]]:
        """Return the devices that these devices are under, whether they are gateways or not."""
        found: dict[UUID, list[Gateway]] = {}
        for row in await self.transaction.batch("gateways_over", [(it,) for it in sorted(device_ids)]):
            found.setdefault(UUID(bytes=row[0]), []).append(_gateway(row[1:]))
        return found

    async def put_under(self, gateway: Gateway, relation_type: str, device_ids: Collection[UUID]) -> None:
        """Relate the gateway to these devices."""
        rows = [(gateway.id, relation_type, it, gateway.tenant_id) for it in device_ids]
        await self.transaction.batch("put_under_gateway", rows)

    async def child_count(self, gateway_id: UUID, most: int) -> int:
        """Return how many devices are under the gateway, counted up to `most`."""
        rows = await self.transaction.rows("count_gateway_children", gateway_id=gateway_id, most=most)
        return int(rows[0][0])

    async def spoken_for(self, pairs: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Return those of (gateway, device) of which the second is under the first, a gateway."""
        # Asked by device only: a gateway has thousands of relations, a device a few.
        over = await self.gateways_over({device_id for _, device_id in pairs})
        there = {(it.id, device_id) for device_id, above in over.items() for it in above if it.is_gateway}
        return there & set(pairs)


def _gateway(row: Row) -> Gateway:
    gateway_id, tenant_id, name, additional_info = row
    return Gateway(UUID(bytes=gateway_id), UUID(bytes=tenant_id), name, additional_info)
