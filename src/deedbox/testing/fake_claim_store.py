"""An in-memory claim store: the rules of the tables without a database, one object per transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from uuid import UUID

import msgspec

from deedbox.core.deeds import Closing, Opening
from deedbox.core.errors import NotFound
from deedbox.core.ids import IdSequence
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import DeviceState, OpenDeed, Window, WindowKind
from deedbox.core.records import AuditEntry, Event, LedgerRow
from deedbox.core.windows import NewWindow, OfferTerms
from deedbox.testing.claim_bench import KeptDeed, PreparedDevice


class Offer(msgspec.Struct, frozen=True):
    """A stored window."""

    window: Window
    opened_at: int


class FakeTables:
    """Everything that is kept. A copy shares the rows, which never change, but not the tables."""

    def __init__(self) -> None:
        self.customers: dict[tuple[UUID, UUID], str] = {}
        self.devices: dict[UUID, PreparedDevice] = {}
        self.epochs: dict[UUID, int] = {}
        self.blocked: set[UUID] = set()
        self.refused: dict[UUID, tuple[int, str]] = {}
        self.claiming_allowed: dict[UUID, bool] = {}
        self.windows: dict[tuple[UUID, WindowKind], Offer] = {}
        self.deeds: dict[UUID, tuple[KeptDeed, ...]] = {}
        self.openings: dict[UUID, Opening] = {}
        self.totals: dict[UUID, int] = {}
        self.rotated: set[UUID] = set()
        self.values: list[tuple[UUID, int, int]] = []
        self.attempts: list[tuple[bytes, int]] = []
        self.guesses: dict[tuple[UUID, int], int] = {}
        self.audit: list[AuditEntry] = []
        self.ledger: list[LedgerRow] = []
        self.events: list[Event] = []

    def copy(self) -> "FakeTables":
        """Return tables with the same rows, to be changed and thrown away, or kept."""
        tables = FakeTables()
        for name, table in vars(self).items():
            setattr(tables, name, copy(table))
        return tables

    def open_deed(self, device_id: UUID) -> KeptDeed | None:
        """Return the deed that is open, if one is."""
        last = self.deeds.get(device_id, ())[-1:]
        return last[0] if last and last[0].closed_epoch is None else None


class FakeClaimStore:
    """One transaction on the tables at one moment. Statements of the real stores are methods here."""

    def __init__(self, tables: FakeTables, ids: IdSequence, now_ms: int) -> None:
        self._tables = tables
        self._ids = ids
        self._now_ms = now_ms

    def new_id(self) -> UUID:
        """Return an identifier for a new row."""
        return self._ids.new_id(self._now_ms)

    async def now_ms(self) -> int:
        """Return the transaction's moment."""
        return self._now_ms

    async def lock_budgets(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Return when attempts were spent in each scope since then: here is one transaction at a time."""
        return await self.spent_attempts(scopes, since_ms)

    async def spent_attempts(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Return when attempts were spent in each scope since then."""
        recent = sorted(it for it in self._tables.attempts if it[1] > since_ms)
        return {scope: [time for its, time in recent if its == scope] for scope in scopes}

    async def spend_attempts(self, spent: Sequence[tuple[bytes, int]]) -> None:
        """Store spent attempts."""
        self._tables.attempts += spent

    async def add_guesses(self, window_start: int, guesses: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Add wrong keys to the counters of a window; return the new totals."""
        counted = self._tables.guesses
        for owner_id, count in guesses.items():
            counted[owner_id, window_start] = counted.get((owner_id, window_start), 0) + count
        return {owner_id: counted[owner_id, window_start] for owner_id in guesses}

    async def lock_devices(self, device_ids: Collection[UUID]) -> Mapping[UUID, DeviceState]:
        """Return the states of those devices that exist."""
        return {it: self._state(self._tables.devices[it]) for it in device_ids if it in self._tables.devices}

    async def lock_offering_devices(self, device_ids: Collection[UUID]) -> Mapping[UUID, OfferTerms]:
        """Return what is said about offers of those devices that exist."""
        states = await self.lock_devices(device_ids)
        return {
            it: OfferTerms(state.allow_by_default, state.forbids_empty_keys) for it, state in states.items()
        }

    async def lock_named_devices(
        self, names: Sequence[tuple[UUID, str]]
    ) -> Mapping[tuple[UUID, str], DeviceState]:
        """Return the states of those devices that exist, by tenant and exact name."""
        named = {(it.device.tenant_id, it.device.name): it for it in self._tables.devices.values()}
        return {name: self._state(named[name]) for name in set(names) if name in named}

    async def open_deeds(self, openings: Sequence[Opening]) -> Mapping[UUID, int]:
        """Open those deeds whose guard holds; the second of two for one device finds the first one open."""
        return {it.deed_id: self._open(it) for it in openings if self._may_open(it)}

    async def close_deeds(self, closings: Sequence[Closing]) -> Mapping[UUID, int]:
        """Close those deeds that are the open ones."""
        return {it.deed_id: self._close(it) for it in closings if self._is_open(it)}

    async def open_windows(self, windows: Sequence[NewWindow]) -> Collection[UUID]:
        """Open or replace windows; announced ones only where no deed is open and nothing blocks."""
        opened = [it for it in windows if it.kind is not WindowKind.ANNOUNCED or self._takes(it.device_id)]
        for it in opened:
            window = Window(it.kind, it.digest, it.expires_at)
            self._tables.windows[it.device_id, it.kind] = Offer(window, it.opened_at)
        return {it.device_id for it in opened}

    async def drop_windows(self, device_ids: Collection[UUID]) -> None:
        """Delete all windows of these devices."""
        self._drop((device_id, kind) for device_id in device_ids for kind in WindowKind)

    async def drop_announced_windows(self, device_ids: Collection[UUID]) -> None:
        """Delete the windows that these devices announced."""
        self._drop((device_id, WindowKind.ANNOUNCED) for device_id in device_ids)

    async def drop_window(self, device_id: UUID, kind: WindowKind) -> bool:
        """Delete one window; tell whether there was one."""
        return self._tables.windows.pop((device_id, kind), None) is not None

    async def lapse_windows(self, device_ids: Collection[UUID], now_ms: int) -> None:
        """Mark windows that expired before `now_ms`."""
        for key, offer in self._tables.windows.items():
            if key[0] in device_ids and offer.window.expires_at < now_ms:
                shut = msgspec.structs.replace(offer.window, lapsed=True)
                self._tables.windows[key] = Offer(shut, offer.opened_at)

    async def note_refused_announcements(self, refused: Sequence[tuple[UUID, int, str]]) -> Collection[UUID]:
        """Remember refusals; return the devices for which it is another one than the last."""
        before = dict(self._tables.refused)
        self._tables.refused |= {device_id: (epoch, reason) for device_id, epoch, reason in refused}
        return {it[0] for it in refused if before.get(it[0]) != self._tables.refused[it[0]]}

    async def drop_claiming_allowed(self, device_ids: Collection[UUID]) -> None:
        """Delete the attribute `claimingAllowed` of these devices."""
        for device_id in device_ids:
            self._tables.claiming_allowed.pop(device_id, None)

    async def write_claiming_allowed(self, device_ids: Collection[UUID]) -> None:
        """Write the attribute `claimingAllowed` = true for these devices."""
        self._tables.claiming_allowed.update(dict.fromkeys(device_ids, True))

    async def rotate_credentials(self, device_ids: Collection[UUID], keys: KeyRing) -> None:
        """Remember whose token was replaced; there are no credentials here."""
        self._tables.rotated.update(device_ids)

    async def queue_erasures(self, deed_ids: Collection[UUID]) -> None:
        """Delete at once what was written in the epochs of these closed deeds."""
        for device_id, deeds in self._tables.deeds.items():
            for deed in deeds:
                if deed.id in deed_ids and deed.closed_epoch is not None:
                    self._erase(device_id, deed.reads_from_epoch, deed.closed_epoch)

    def random_bytes(self, count: int) -> bytes:
        """Return bytes that are the same in every run."""
        return (self._ids.new_id(self._now_ms).bytes * 2)[:count]

    async def customer_title(self, tenant_id: UUID, customer_id: UUID) -> str:
        """Return the customer's title. Raises NotFound when the tenant has no such customer."""
        if (tenant_id, customer_id) not in self._tables.customers:
            raise NotFound
        return self._tables.customers[tenant_id, customer_id]

    async def groups_of(self, entity_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        """Return nothing: nobody has groups here."""
        return {}

    async def add_audit_entries(self, entries: Sequence[AuditEntry]) -> None:
        """Store audit entries."""
        self._tables.audit += entries

    async def add_ledger_rows(self, rows: Sequence[LedgerRow]) -> None:
        """Store steps of ownership histories."""
        self._tables.ledger += rows

    async def add_events(self, events: Sequence[Event]) -> None:
        """Put events into the outbox."""
        self._tables.events += events

    def _state(self, prepared: PreparedDevice) -> DeviceState:
        device_id = prepared.device.id
        deed = self._tables.open_deed(device_id)
        windows = [self._tables.windows.get((device_id, kind)) for kind in WindowKind]
        return DeviceState(
            device=msgspec.structs.replace(prepared.device, customer_id=deed.customer_id if deed else None),
            epoch=self._tables.epochs[device_id],
            blocked=device_id in self._tables.blocked,
            allow_by_default=prepared.allow_by_default,
            claiming_allowed=self._tables.claiming_allowed.get(device_id, False),
            forbids_empty_keys=prepared.forbids_empty_keys,
            rotates_credentials=prepared.rotates_credentials,
            erases_values=prepared.erases_values,
            renews_label=prepared.renews_label,
            deed=self._as_open(deed, prepared.device.tenant_id) if deed else None,
            windows=tuple(offer.window for offer in windows if offer),
        )

    def _as_open(self, deed: KeptDeed, tenant_id: UUID) -> OpenDeed:
        opening = self._tables.openings[deed.id]
        title = self._tables.customers.get((tenant_id, deed.customer_id), "")
        return OpenDeed(
            deed.id, deed.customer_id, title, deed.opened_at, opening.burnt, opening.idempotency_digest
        )

    def _takes(self, device_id: UUID) -> bool:
        return device_id not in self._tables.blocked and self._tables.open_deed(device_id) is None

    def _may_open(self, it: Opening) -> bool:
        prepared = self._tables.devices.get(it.device_id)
        if prepared is None or self._tables.open_deed(it.device_id):
            return False
        if (prepared.device.tenant_id, it.customer_id) not in self._tables.customers:
            return False
        if it.window is None:
            return True
        offer = self._tables.windows.get((it.device_id, it.window.kind))
        if offer is None or offer.window.digest != it.window.digest:
            return False
        return offer.window.is_open(it.now_ms) and it.device_id not in self._tables.blocked

    def _open(self, it: Opening) -> int:
        earlier = self._tables.deeds.get(it.device_id, ())
        epoch = self._raise_epoch(it.device_id)
        reads_from = _reads_from(earlier[-1], it.customer_id) if earlier else 0
        deed = KeptDeed(it.deed_id, it.customer_id, epoch, reads_from, it.now_ms, it.reason)
        self._tables.deeds[it.device_id] = (*earlier, deed)
        self._tables.openings[it.deed_id] = it
        self._count(it.customer_id, 1)
        return epoch

    def _is_open(self, it: Closing) -> bool:
        deed = self._tables.open_deed(it.device_id)
        return deed is not None and deed.id == it.deed_id

    def _close(self, it: Closing) -> int:
        *earlier, deed = self._tables.deeds[it.device_id]
        epoch = self._raise_epoch(it.device_id)
        closed = msgspec.structs.replace(deed, closed_epoch=epoch, closing_reason=it.reason)
        self._tables.deeds[it.device_id] = (*earlier, closed)
        self._count(deed.customer_id, -1)
        return epoch

    def _raise_epoch(self, device_id: UUID) -> int:
        self._tables.epochs[device_id] += 1
        return self._tables.epochs[device_id]

    def _count(self, customer_id: UUID, step: int) -> None:
        self._tables.totals[customer_id] = self._tables.totals.get(customer_id, 0) + step

    def _erase(self, device_id: UUID, from_epoch: int, below_epoch: int) -> None:
        self._tables.values = [
            it for it in self._tables.values if it[0] != device_id or not from_epoch <= it[1] < below_epoch
        ]

    def _drop(self, keys: Iterable[tuple[UUID, WindowKind]]) -> None:
        for key in keys:
            self._tables.windows.pop(key, None)


def _reads_from(last: KeptDeed, customer_id: UUID) -> int:
    """Return where a new deed's owner starts to read: its own earlier start, or another's end."""
    ended = last.closed_epoch or 0
    return last.reads_from_epoch if last.customer_id == customer_id else ended
