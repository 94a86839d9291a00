"""Deeds as rows. The statement `open_deeds` and the unique index on open deeds decide who owns a device."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from uuid import UUID

from deedbox.core.credentials import rotate_tokens
from deedbox.core.deeds import Closing, Opening
from deedbox.core.devices import Device
from deedbox.core.errors import NotFound
from deedbox.core.ids import NULL_ID, identifier
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import DeviceState, OpenDeed, Window, WindowKind
from deedbox.core.persistent_commands import OWNER_CHANGED
from deedbox.core.windows import OfferTerms
from deedbox.storage.credentials import CredentialsStore
from deedbox.storage.statements import Row
from deedbox.storage.windows import WindowStore

_DIGEST_BYTES = 33


class DeedStore(WindowStore):
    """Deeds inside a transaction."""

    async def lock_devices(self, device_ids: Collection[UUID]) -> dict[UUID, DeviceState]:
        """Lock these devices' rows in id order and return their states; unknown ids are left out."""
        asked = [(device_id,) for device_id in sorted(device_ids)]
        return await self._states(await self.transaction.batch("lock_devices", asked))

    async def lock_offering_devices(self, device_ids: Collection[UUID]) -> dict[UUID, OfferTerms]:
        """Lock these devices' rows in id order; unknown ids are left out."""
        asked = [(device_id,) for device_id in sorted(device_ids, key=attrgetter("int"))]
        rows = await self.transaction.batch("lock_offering_devices", asked)
        return {
            identifier(row[0]): OfferTerms(row[1] if row[1] is None else bool(row[1]), bool(row[2]))
            for row in rows
        }

    async def lock_named_devices(
        self, names: Sequence[tuple[UUID, str]]
    ) -> dict[tuple[UUID, str], DeviceState]:
        """Lock the devices of these (tenant id, exact name) in id order; unknown ones are left out."""
        asked = sorted(set(names))
        found = await self.transaction.batch("lock_devices_by_name", asked)
        # Names that nobody has are looked up all the same: the work must not tell which ones exist.
        states = await self._states(found, unknown=len(asked) - len(found))
        return {(it.device.tenant_id, it.device.name): it for it in states.values()}

    async def open_deeds(self, openings: Sequence[Opening]) -> Mapping[UUID, int]:
        """Open deeds in one guarded statement and raise the epochs; return deed id -> new epoch."""
        opened = await self.transaction.batch("open_deeds", [_asked(it) for it in openings])
        await self._follow([(row[1], row[2]) for row in opened])
        epochs = {identifier(deed_id): int(epoch) for deed_id, _, epoch in opened}
        await self._count(it.customer_id for it in openings if it.deed_id in epochs)
        return epochs

    async def close_deeds(self, closings: Sequence[Closing]) -> Mapping[UUID, int]:
        """Close deeds in one guarded statement and raise the epochs; return deed id -> new epoch.

        An owner's label ends with its deed: the tenant's comes back.
        """
        rows = [(it.deed_id, it.device_id, it.actor.user_id, it.reason, it.now_ms) for it in closings]
        closed = await self.transaction.batch("close_deeds", rows)
        await self._follow([(row[1], row[2]) for row in closed])
        await self._restore_labels([(row[1],) for row in closed])
        epochs = {identifier(deed_id): int(epoch) for deed_id, _, epoch in closed}
        await self._count((it.customer_id for it in closings if it.deed_id in epochs), -1)
        return epochs

    async def _restore_labels(self, device_ids: Sequence[Row]) -> None:
        await self.transaction.batch("restore_labels", device_ids, newline="\n")
        await self.transaction.batch("drop_kept_labels", device_ids)

    async def drop_claiming_allowed(self, device_ids: Collection[UUID]) -> None:
        """Delete the attribute `claimingAllowed` of these devices."""
        await self.transaction.later("drop_claiming_allowed", [(it,) for it in device_ids])

    async def write_claiming_allowed(self, device_ids: Collection[UUID]) -> None:
        """Write the attribute `claimingAllowed` = true for these devices."""
        rows = [(device_id, self.transaction.now_ms) for device_id in device_ids]
        await self.transaction.batch("write_claiming_allowed", rows)

    async def rotate_credentials(self, device_ids: Collection[UUID], keys: KeyRing) -> None:
        """Give each of these devices a new access token; what it had before stops working at once."""
        await rotate_tokens(CredentialsStore(self.transaction), keys, list(device_ids))
        await self.transaction.batch("forget_credentials_shown", [(it,) for it in device_ids])

    async def queue_erasures(self, deed_ids: Collection[UUID]) -> None:
        """Hide what was written in the epochs of these closed deeds, to be deleted in the background."""
        now_ms = self.transaction.now_ms
        await self.transaction.batch("queue_erasures", [(it, now_ms) for it in deed_ids])

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        return self.transaction.random_bytes(count)

    async def customer_title(self, tenant_id: UUID, customer_id: UUID) -> str:
        """Return the customer's title. Raises NotFound when the tenant has no such customer."""
        rows = await self.transaction.rows("customer_title", tenant_id=tenant_id, customer_id=customer_id)
        if not rows:
            raise NotFound
        return str(rows[0][0])

    async def _states(self, locked: Sequence[Row], unknown: int = 0) -> dict[UUID, DeviceState]:
        asked = [*((row[0],) for row in locked), *[(NULL_ID,)] * unknown]
        found: dict[bytes, list[Row]] = {}
        for row in await self.transaction.batch("offers_and_deeds", asked):
            found.setdefault(row[0], []).append(row)
        states = [_state(row, found[row[0]]) for row in locked]
        return {state.device.id: state for state in states}

    async def _follow(self, epochs: Sequence[Row]) -> None:
        """Let what hangs on an owner follow a change of it; rows of device ids and new epochs."""
        await self.transaction.later("leave_groups", [(row[0],) for row in epochs])
        await self.transaction.later("raise_epochs", epochs)
        await self.transaction.later(
            "end_commands", epochs, response=OWNER_CHANGED.decode(), now_ms=self.transaction.now_ms
        )

    async def _count(self, customer_ids: Iterable[UUID], step: int = 1) -> None:
        changes: dict[UUID, int] = {}
        for customer_id in customer_ids:
            changes[customer_id] = changes.get(customer_id, 0) + step
        await self.transaction.later("count_owned", sorted(changes.items()))


class ClaimStore(DeedStore):
    """All that a claim needs inside its transaction."""


def _asked(it: Opening) -> Row:
    window = it.window
    return (
        it.deed_id,
        it.device_id,
        it.actor.tenant_id,
        it.customer_id,
        it.actor.user_id,
        it.reason,
        it.now_ms,
        None if window is None else int(window.kind),
        None if window is None else window.digest,
        b"".join(it.burnt),
        it.idempotency_digest,
    )


def _state(row: Row, beside: Sequence[Row]) -> DeviceState:
    """Make a state of a row of `lock_devices` and those of `offers_and_deeds`, one for each window."""
    deed = _open_deed(beside[0][6:])
    device = Device(
        identifier(row[0]), identifier(row[1]), row[2], row[3], row[4], identifier(row[5]),
        row[6], row[7], row[8], deed.customer_id if deed else None,
    )  # fmt: skip
    return DeviceState(
        device=device,
        epoch=row[9],
        blocked=bool(row[10]),
        allow_by_default=None if row[11] is None else bool(row[11]),
        claiming_allowed=beside[0][1] == "true",
        forbids_empty_keys=bool(row[12]),
        deed=deed,
        windows=tuple(_window(it) for it in beside if it[2] is not None),
        rotates_credentials=bool(row[13]),
        erases_values=bool(row[14]),
        renews_label=bool(row[15]),
    )


def _window(row: Row) -> Window:
    kind, digest, expires_at, lapsed = row[2:6]
    return Window(WindowKind(kind), bytes(digest), expires_at, bool(lapsed))


def _open_deed(columns: Row) -> OpenDeed | None:
    deed_id, customer_id, title, opened_at, burnt, idempotency_digest = columns
    if deed_id is None:
        return None
    digests = tuple(
        bytes(burnt[start : start + _DIGEST_BYTES]) for start in range(0, len(burnt), _DIGEST_BYTES)
    )
    return OpenDeed(
        identifier(deed_id),
        identifier(customer_id),
        title or "",
        opened_at,
        digests,
        idempotency_digest,
    )
