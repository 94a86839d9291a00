"""Devices as rows, and the lists of them."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from deedbox.core.device_names import name_taken
from deedbox.core.devices import (
    ACTIVE_FOR_MS,
    Device,
    DeviceFilter,
    DeviceInfo,
    DeviceQuota,
    check_sortable,
)
from deedbox.core.paging import Listing, PageSlice
from deedbox.storage.access.lookup import asked_groups, leave_groups
from deedbox.storage.credentials import CredentialsStore
from deedbox.storage.paging import listing
from deedbox.storage.relations import forget_relations
from deedbox.storage.statements import Row, UniqueViolation
from deedbox.storage.tallies import change_tally, total_of

_NOUN = "device"
_VALUES = ("attributes", "latest_values", "points", "commands")


class DeviceStore(CredentialsStore):
    """Devices inside a transaction."""

    async def device(self, tenant_id: UUID, device_id: UUID) -> DeviceInfo | None:
        """Return the device, None when the tenant has none of that id."""
        return next(iter(await self.devices(tenant_id, [device_id])), None)

    async def devices(self, tenant_id: UUID, device_ids: Collection[UUID]) -> list[DeviceInfo]:
        """Return those of these devices that the tenant has, in id order."""
        asked = [(device_id, tenant_id) for device_id in sorted(set(device_ids))]
        rows = await self.transaction.batch("devices_by_id", asked, active_since=self._active_since)
        return sorted((_info(row) for row in rows), key=lambda it: it.id)

    async def device_ids_named(self, tenant_id: UUID, names: Collection[str]) -> Mapping[str, UUID]:
        """Return the ids of the devices with these exact names."""
        asked = [(tenant_id, name) for name in sorted(set(names))]
        rows = await self.transaction.batch("device_ids_by_name", asked)
        return {name: UUID(bytes=device_id) for name, device_id in rows}

    async def list_devices(self, wanted: DeviceFilter, asked: PageSlice) -> Listing[DeviceInfo]:
        """Return a page. Raises InvalidValue for a sort property that this list does not have."""
        owner_id = wanted.customer_id or wanted.tenant_id
        filtered = wanted.profile_id is not None or wanted.active is not None or wanted.unowned
        filtered = filtered or wanted.groups is not None
        indexed = ("createdTime",) if wanted.customer_id else ("createdTime", "name")
        check_sortable(asked.request, await self.device_total(owner_id), indexed)
        return await listing(
            self.transaction,
            _list_statement(wanted, asked),
            asked,
            DeviceInfo,
            tally=None if filtered else (owner_id, _NOUN),
            among=asked_groups(wanted.tenant_id, wanted.groups),
            every_customer=wanted.customer_id is None,
            tenant_id=wanted.tenant_id,
            customer_id=wanted.customer_id or wanted.tenant_id,
            profile_id=wanted.profile_id or wanted.tenant_id,
            every_profile=wanted.profile_id is None,
            every_activity=wanted.active is None,
            every_owner=not wanted.unowned,
            active=bool(wanted.active),
            active_since=self._active_since,
        )

    async def device_total(self, owner_id: UUID) -> int:
        """Return how many devices a tenant or a customer has."""
        return await total_of(self.transaction, owner_id, _NOUN)

    async def device_quota(self, tenant_id: UUID) -> DeviceQuota:
        """Return how many devices the tenant's profile lets it have."""
        rows = await self.transaction.rows("device_quotas", tenant_id=tenant_id)
        return DeviceQuota(*rows[0]) if rows else DeviceQuota()

    async def device_types(self, tenant_id: UUID) -> list[str]:
        """Return the types that the tenant's devices may have, in order."""
        return [str(row[0]) for row in await self.transaction.rows("device_types", tenant_id=tenant_id)]

    async def add_devices(self, devices: Sequence[Device]) -> None:
        """Store new devices, unowned and with their first epoch, and count them. Raises NameTaken."""
        await self._write("add_devices", [_row(it) for it in devices])
        await self.transaction.batch("add_device_states", [(it.id,) for it in devices])
        totals: dict[UUID, int] = {}
        for it in devices:
            totals[it.tenant_id] = totals.get(it.tenant_id, 0) + 1
        for tenant_id, count in totals.items():
            await change_tally(self.transaction, tenant_id, _NOUN, count)

    async def change_devices(self, devices: Sequence[Device]) -> None:
        """Store name, type, profile, label, additional info and version of devices. Raises NameTaken."""
        await self._write("change_devices", [_row(it) for it in devices])

    async def keep_label(self, device_id: UUID) -> None:
        """Keep the tenant's label until the deed closes: an owner is about to write its own."""
        await self.transaction.run("keep_label", device_id=device_id)

    async def drop_kept_label(self, device_id: UUID) -> None:
        """Forget what was kept: the tenant writes the label itself."""
        await self.transaction.run("drop_kept_label", device_id=device_id)

    async def note_credentials_shown(self, device_id: UUID) -> None:
        """Mark that a customer knows the device's credentials."""
        await self.transaction.run("note_credentials_shown", device_id=device_id)

    async def remove_device(self, device: Device) -> None:
        """Delete the device and all but what it said, which is left for `forget_values`."""
        await self.transaction.run("note_removed_device", device_id=device.id)
        await forget_relations(self.transaction, "DEVICE", [device.id])
        await leave_groups(self.transaction, [device.id])
        for table in ("windows", "state", "activity", "credentials", "row"):
            await self.transaction.run(f"remove_device_{table}", device_id=device.id)
        await change_tally(self.transaction, device.tenant_id, _NOUN, -1)

    async def forget_values(self, most: int) -> int:
        """Delete up to `most` rows of removed devices; return how many: fewer when none is left."""
        left = most
        for (device_id,) in await self.transaction.rows("removed_devices", most=most):
            for table in _VALUES:
                left -= await self.transaction.run(f"forget_{table}", device_id=device_id, most=left)
            if left <= 0:
                break
            left -= await self.transaction.run("forget_removed_device", device_id=device_id)
        return most - left

    @property
    def _active_since(self) -> int:
        return self.transaction.now_ms - ACTIVE_FOR_MS

    async def _write(self, statement: str, rows: Sequence[Row]) -> None:
        try:
            await self.transaction.batch(statement, rows)
        except UniqueViolation as error:
            raise name_taken() from error


def _list_statement(wanted: DeviceFilter, asked: PageSlice) -> str:
    if wanted.groups is not None:
        return "devices_of_groups"
    if wanted.customer_id is not None:
        return "devices_of_customer"
    # Each of these walks the one index that has the rows in the order that is asked for.
    by_profile = wanted.profile_id is not None and asked.request.sort_property == "createdTime"
    return "devices_of_profile" if by_profile else "devices_of_tenant"


def _row(it: Device) -> Row:
    search_text = f"{it.name}\n{it.label or ''}".lower()
    return (
        it.id, it.tenant_id, it.profile_id, it.name, it.type, it.label, it.additional_info, it.created_at,
        it.version, search_text,
    )  # fmt: skip


def _info(row: Row) -> DeviceInfo:
    owner = None if row[9] is None else UUID(bytes=row[9])
    return DeviceInfo(
        UUID(bytes=row[0]), UUID(bytes=row[1]), row[2], row[3], row[4], UUID(bytes=row[5]), row[6], row[7],
        row[8], owner, row[10], bool(row[11]), bool(row[12]),
    )  # fmt: skip
