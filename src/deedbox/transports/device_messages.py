"""What devices ask of the core, the same over every transport: offers to be claimed, attributes, requests.

What is stored here is on the disk when a call returns; messages that come at the same time share a commit.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

from deedbox.core import attributes, windows
from deedbox.core.attributes import Report, Scope
from deedbox.core.errors import InvalidValue
from deedbox.core.keys import KeyRing
from deedbox.core.live import AttributesChanged, LiveChanges, tell_stored, watched_epochs
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.storage import Storage, Stores
from deedbox.core.value_limits import NameBudget, ValueLimits
from deedbox.core.values import Value
from deedbox.core.windows import Announced, Announcement

#: The answer to a device's own request that nobody here answers.
NO_SERVER_SIDE = {"error": "This server has nothing that answers requests of devices."}

_log = logging.getLogger(__name__)


class DeviceMessages:
    """The core as devices see it. `announced` hears of every stored announcement (for metrics)."""

    def __init__(
        self,
        storage: Storage,
        keys: KeyRing,
        policy: ClaimPolicy,
        limits: ValueLimits,
        live: LiveChanges,
        announced: Callable[[Announced], None],
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._policy = policy
        self._live = live
        self._announced = announced
        self._budget = NameBudget(limits.most_attributes, "attributes")
        self._announce_with_others = storage.batched(self._announce)
        self._report_with_others = storage.batched(self._report)

    async def announce(self, offer: Announcement) -> Announced:
        """Open a claim window, or tell why it was not opened. Raises NotFound, StorageUnavailable."""
        announced = await self._announce_with_others(offer)
        self._announced(announced)
        if announced.clamped:
            _log.info("claim window of device %s cut to the longest allowed", offer.device_id)
        return announced

    async def report(self, report: Report) -> None:
        """Store what a device reports about itself. Raises InvalidValue, StorageUnavailable."""
        stored = await self._report_with_others(report)
        if isinstance(stored, InvalidValue):
            raise stored
        change = AttributesChanged(report.device_id, 0, Scope.CLIENT_SCOPE, tuple(report.values))
        tell_stored(self._live, change, stored)

    async def attributes(
        self, device_id: UUID, client: Collection[str] | None, shared: Collection[str] | None
    ) -> dict[str, dict[str, Value]]:
        """Return `client` and `shared` attributes of these names; all when neither is named."""
        read_all = client is None and shared is None
        wanted = {"client": (Scope.CLIENT_SCOPE, client), "shared": (Scope.SHARED_SCOPE, shared)}

        async def work(stores: Stores) -> dict[str, dict[str, Value]]:
            return {
                part: await attributes.read_for_device(stores.attributes, device_id, scope, names)
                for part, (scope, names) in wanted.items()
                if read_all or names is not None
            }

        found = await self._storage.read(work)
        return {part: values for part, values in found.items() if values}

    async def changed_attributes(self, device_id: UUID, names: frozenset[str]) -> dict[str, Value]:
        """Return these shared attributes as they are now; `deleted` lists those that are no more."""

        async def work(stores: Stores) -> dict[str, Value]:
            return await attributes.read_for_device(stores.attributes, device_id, Scope.SHARED_SCOPE, names)

        values = await self._storage.read(work)
        gone: list[str] = sorted(names - values.keys())
        return values | {"deleted": gone} if gone else values

    async def _announce(self, stores: Stores, offers: Sequence[Announcement]) -> Sequence[Announced]:
        return await windows.announce(offers, stores.announcements, self._keys, self._policy)

    async def _report(self, stores: Stores, asked: Sequence[Report]) -> Sequence[InvalidValue | int | None]:
        """Answer with refusals, not exceptions: one device's must not cost those that share its commit."""
        store = stores.attributes
        wanted = [(it.device_id, frozenset(it.values)) for it in asked]
        refusals = await self._budget.refusals(wanted, store.reported_names)
        await attributes.report([it for it, no in zip(asked, refusals, strict=True) if no is None], store)
        epochs = await watched_epochs(store, self._live, (it.device_id for it in asked))
        return [no or epochs.get(it.device_id) for it, no in zip(asked, refusals, strict=True)]
