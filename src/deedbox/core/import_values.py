"""What the lines of an import say about their devices: attributes, values of time series, claim keys."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from deedbox.core import attributes, claim_keys, telemetry
from deedbox.core.attributes import NewAttribute, Scope, Writer
from deedbox.core.claim_keys import ClaimKey
from deedbox.core.device_changes import DeviceMaking
from deedbox.core.devices import Device
from deedbox.core.holders import Extent, tenant_extent
from deedbox.core.import_rows import ImportRow
from deedbox.core.ownership import DeviceState, WindowKind
from deedbox.core.permissions import Resource
from deedbox.core.records import AuditEntry, Subject, audit_entry
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Point, Recording
from deedbox.core.values import Value

#: Of what a device has, only the tenant's own rows: an import compares with what the tenant wrote.
_TENANTS_ROWS = Extent(from_epoch=2**62, epoch=-1)


class ImportedValues:
    """Gathers what is to be written of a chunk of lines; `shared`: changed shared attributes by device."""

    def __init__(self, stores: Stores, making: DeviceMaking, now_ms: int) -> None:
        self.entries: list[AuditEntry] = []
        self.shared: dict[UUID, list[str]] = {}
        self._stores = stores
        self._making = making
        self._now_ms = now_ms
        self._attributes: list[NewAttribute] = []
        self._recordings: list[Recording] = []
        self._claim_keys: dict[UUID, ClaimKey] = {}

    async def store(self) -> None:
        """Write what was gathered, after the devices."""
        await attributes.write(self._stores.attributes, self._attributes)
        await telemetry.record(self._recordings, self._stores.time_series)
        await claim_keys.set_keys(self._stores.claim_keys, self._making.keys, self._claim_keys)

    async def take(self, row: ImportRow, device: Device, state: DeviceState | None) -> None:
        """Gather what the line wants of its device, `state` None for a new one, and what changes by it."""
        for scope, wanted in ((Scope.SERVER_SCOPE, row.server), (Scope.SHARED_SCOPE, row.shared)):
            await self._take_attributes(device, state, scope, wanted)
        if row.claim_key and not self._has_key(device.id, state, row.claim_key):
            self._claim_keys[device.id] = row.claim_key
            self._record(device, state, Scope.SERVER_SCOPE, [attributes.CLAIMING_DATA])
        await self._take_series(row, device, state)

    async def _take_attributes(
        self, device: Device, state: DeviceState | None, scope: Scope, wanted: Mapping[str, Value]
    ) -> None:
        store, now_ms = self._stores.attributes, self._now_ms
        found = await store.attributes_of(device.id, [scope], _TENANTS_ROWS) if state and wanted else []
        old = {it.name: it.value for it in found}
        changed = _changed(old, wanted)
        if not changed:
            return
        self._attributes += [
            NewAttribute(device.id, scope, name, Writer.TENANT, value, now_ms)
            for name, value in changed.items()
        ]
        if scope is Scope.SHARED_SCOPE:
            self.shared[device.id] = sorted(changed)
        self._record(device, state, scope, changed)

    async def _take_series(self, row: ImportRow, device: Device, state: DeviceState | None) -> None:
        if not row.series:
            return
        store = self._stores.time_series
        holder = await store.holder(Resource.DEVICE, device.id) if state else None
        found = await store.latest_points(device.id, tenant_extent(holder)) if holder else []
        old = {it.key: it.value for it in found}
        points = [Point(key, self._now_ms, value) for key, value in _changed(old, row.series).items()]
        if points:
            self._recordings.append(Recording(device.id, points))

    def _has_key(self, device_id: UUID, state: DeviceState | None, wanted: ClaimKey) -> bool:
        """Tell whether the key is set as wanted, or was burnt by the claim of who owns the device now."""
        if state is None:
            return False
        digests = self._making.keys.digests(device_id, wanted.secret_key)
        burnt = state.deed.burnt if state.deed else ()
        return any(digest in digests for digest in burnt) or any(
            window.kind is WindowKind.SET_BY_TENANT
            and window.digest in digests
            and window.expires_at == wanted.expires_at
            for window in state.windows
        )

    def _record(
        self, device: Device, state: DeviceState | None, scope: Scope, names: Collection[str]
    ) -> None:
        data = {"scope": scope.name, "attributes": sorted(names)}
        entry = line_entry(self._making, device, state, self._now_ms, "ATTRIBUTES_UPDATED", data)
        self.entries.append(entry)


def line_entry(
    making: DeviceMaking,
    device: Device,
    state: DeviceState | None,
    now_ms: int,
    action: str,
    data: dict[str, Any],
) -> AuditEntry:
    """Return the audit entry of what a line changed about its device."""
    subject = Subject("DEVICE", device.id, device.name, state.epoch if state else 0)
    data = {"entityId": device.id} | data
    return audit_entry(making.devices, making.actor, subject, action, now_ms=now_ms, data=data)


def _changed(old: Mapping[str, Value], wanted: Mapping[str, Value]) -> dict[str, Value]:
    # True is 1 for Python, but not for whoever reads it.
    return {
        name: value
        for name, value in wanted.items()
        if name not in old or (type(old[name]), old[name]) != (type(value), value)
    }
