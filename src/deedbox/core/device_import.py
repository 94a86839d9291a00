"""Importing devices: the lines of a file become devices with credentials, attributes, values, claim keys.

A chunk of lines is one transaction. A line that names a device that is there changes it; what is as the line
wants it already stays untouched, so that the same file again changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.credentials import (
    Credentials,
    StoredCredentials,
    lookup_digests,
    new_credentials,
    opened,
    taken_elsewhere,
)
from deedbox.core.device_changes import DeviceMaking, added_entry, changed_entry, checked_info
from deedbox.core.device_profiles import DeviceProfile, default_profile, profile_for_type
from deedbox.core.device_quotas import no_room, room_for_devices
from deedbox.core.devices import Device
from deedbox.core.errors import InvalidValue, LimitReached
from deedbox.core.import_files import LineError
from deedbox.core.import_rows import ImportRow
from deedbox.core.import_values import ImportedValues, line_entry
from deedbox.core.ownership import DeviceState
from deedbox.core.records import AuditEntry
from deedbox.core.storage import Stores

_NOTHING = CredentialsDraft()


class Imported(msgspec.Struct):
    """What became of lines: how many made a device and how many were of one that was there; the others.

    `shared` are the shared attributes that changed, by device, for whoever tells the devices.
    """

    created: int = 0
    updated: int = 0
    errors: list[LineError] = msgspec.field(default_factory=list)
    shared: dict[UUID, list[str]] = msgspec.field(default_factory=dict)


class Piece(msgspec.Struct):
    """Some lines of a file: what they want, and those that can't be taken."""

    rows: list[ImportRow] = msgspec.field(default_factory=list)
    errors: list[LineError] = msgspec.field(default_factory=list)


class _Known(msgspec.Struct, frozen=True):
    """What is there already of what the lines name; `takers`: which device has a look-up digest.

    `digests` are the look-up digests of what each line names, by its number; `room`: devices to be made.
    """

    states: Mapping[str, DeviceState]
    credentials: Mapping[UUID, StoredCredentials]
    takers: dict[bytes, UUID]
    digests: Mapping[int, tuple[bytes, ...]]
    now_ms: int
    room: int


async def import_rows(
    stores: Stores, making: DeviceMaking, rows: Sequence[ImportRow], *, update: bool
) -> Imported:
    """Store what the lines want, all in this transaction; a line that can't be taken costs itself only.

    No two lines name the same device. With `update`, devices that were there get the lines' attributes and
    values too; name, type, label and credentials they get in any case.
    """
    known = await _known(stores, making, rows)
    chunk = _Chunk(stores, making, known, update)
    for row in rows:
        try:
            await chunk.take(row)
        except (InvalidValue, LimitReached) as refusal:
            chunk.done.errors.append(LineError(row.line, refusal.message))
    await chunk.store()
    return chunk.done


def chunks(lines: Iterable[ImportRow | LineError], most: int) -> Iterator[Piece]:
    """Yield the lines in pieces of at most `most`, in each of which every name stands once."""
    piece = Piece()
    names: set[str] = set()
    for it in lines:
        is_again = isinstance(it, ImportRow) and it.name in names
        if is_again or len(piece.rows) + len(piece.errors) == most:
            yield piece
            piece, names = Piece(), set()
        if isinstance(it, ImportRow):
            piece.rows.append(it)
            names.add(it.name)
        else:
            piece.errors.append(it)
    if piece.rows or piece.errors:
        yield piece


async def _known(stores: Stores, making: DeviceMaking, rows: Sequence[ImportRow]) -> _Known:
    ids = await making.devices.device_ids_named(making.actor.tenant_id, [row.name for row in rows])
    states = await stores.claims.lock_devices(list(ids.values()))
    digests = {row.line: _digests(making, row.credentials) for row in rows}
    return _Known(
        states={state.device.name: state for state in states.values()},
        credentials=await making.devices.credentials_of(list(states)),
        takers=dict(
            await making.devices.devices_by_credentials([it for each in digests.values() for it in each])
        ),
        digests=digests,
        now_ms=await making.devices.now_ms(),
        room=await room_for_devices(making.devices, making.actor.tenant_id),
    )


class _Chunk:
    """Decides line by line and gathers what is to be written."""

    def __init__(self, stores: Stores, making: DeviceMaking, known: _Known, update: bool) -> None:
        self.done = Imported()
        self._making = making
        self._known = known
        self._update = update
        self._profiles: dict[str | None, DeviceProfile] = {}
        self._new: list[Device] = []
        self._changed: list[Device] = []
        self._credentials: list[StoredCredentials] = []
        self._values = ImportedValues(stores, making, known.now_ms)
        self._entries: list[AuditEntry] = []

    async def take(self, row: ImportRow) -> None:
        """Gather what one line wants. Raises InvalidValue or LimitReached, gathering nothing."""
        state = self._known.states.get(row.name)
        if state is None and len(self._new) >= self._known.room:
            raise no_room()
        device = await self._device(row, state)
        credentials = self._wanted_credentials(row, device.id)
        self._take_device(device, state)
        self._take_credentials(device, state, credentials)
        if state is None or self._update:
            await self._values.take(row, device, state)

    async def store(self) -> None:
        """Write what was gathered."""
        await self._making.devices.add_devices(self._new)
        for device in self._changed:
            await self._making.devices.drop_kept_label(device.id)
        await self._making.devices.change_devices(self._changed)
        await self._making.devices.put_credentials(self._credentials)
        await self._values.store()
        await self._making.devices.add_audit_entries([*self._entries, *self._values.entries])
        self.done.shared = self._values.shared

    async def _device(self, row: ImportRow, state: DeviceState | None) -> Device:
        old = state.device if state else None
        profile = None if old and row.type is None else await self._profile(row.type)
        device = old or Device(
            self._making.devices.new_id(), self._making.actor.tenant_id, row.name, "", None,
            self._making.actor.tenant_id, "{}", self._known.now_ms, 1,
        )  # fmt: skip
        return msgspec.structs.replace(
            device,
            type=profile.name if profile else device.type,
            profile_id=profile.id if profile else device.profile_id,
            label=row.label or device.label,
            additional_info=_additional_info(device.additional_info, row),
        )

    async def _profile(self, type_name: str | None) -> DeviceProfile:
        found = self._profiles.get(type_name)
        if found is None:
            profiles, tenant_id = self._making.profiles, self._making.actor.tenant_id
            wanted = profile_for_type(profiles, tenant_id, type_name) if type_name else None
            found = await (wanted or default_profile(profiles, tenant_id))
            self._profiles[type_name] = found
        return found

    def _take_device(self, device: Device, state: DeviceState | None) -> None:
        store, actor = self._making.devices, self._making.actor
        if state is None:
            self.done.created += 1
            self._new.append(device)
            self._entries.append(added_entry(store, actor, device))
            return
        self.done.updated += 1
        if device == state.device:
            return
        device = msgspec.structs.replace(device, version=device.version + 1)
        self._changed.append(device)
        at = (state.epoch, self._known.now_ms)
        self._entries.append(changed_entry(store, actor, state.device, device, at))

    def _wanted_credentials(self, row: ImportRow, device_id: UUID) -> CredentialsDraft | None:
        """Reserve the line's credentials for its device. Raises InvalidValue when another one has them."""
        digests, takers = self._known.digests[row.line], self._known.takers
        if any(takers.get(digest, device_id) != device_id for digest in digests):
            raise taken_elsewhere()
        takers.update(dict.fromkeys(digests, device_id))
        return row.credentials

    def _take_credentials(
        self, device: Device, state: DeviceState | None, wanted: CredentialsDraft | None
    ) -> None:
        old = self._known.credentials.get(device.id)
        if old and (wanted is None or _same(opened(old, self._making.keys), wanted)):
            return
        store, keys, now_ms = self._making.devices, self._making.keys, self._known.now_ms
        fresh = new_credentials(store, keys, device.id, wanted or _NOTHING, now_ms)
        if old:
            fresh = msgspec.structs.replace(
                fresh, id=old.id, created_at=old.created_at, version=old.version + 1
            )
        self._credentials.append(fresh)
        if state is not None:
            data = {"credentialsType": fresh.kind}
            entry = line_entry(self._making, device, state, now_ms, "CREDENTIALS_UPDATED", data)
            self._entries.append(entry)


def _digests(making: DeviceMaking, draft: CredentialsDraft | None) -> tuple[bytes, ...]:
    if draft is None or draft.credentials_id is None:
        return ()
    return lookup_digests(making.keys, draft.credentials_id)


def _same(old: Credentials, wanted: CredentialsDraft) -> bool:
    return (old.kind, old.credentials_id, old.value) == (wanted.kind, wanted.credentials_id, wanted.value)


def _additional_info(old: str, row: ImportRow) -> str:
    info: dict[str, Any] = msgspec.json.decode(old)
    wanted = {"description": row.description, "gateway": row.is_gateway}
    given = {key: value for key, value in wanted.items() if value is not None}
    return checked_info(info | given) if given else old
