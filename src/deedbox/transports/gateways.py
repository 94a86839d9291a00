"""What gateways ask of the core: to speak for devices, and to offer many of them at once.

What is stored here is on the disk when a call returns; messages that come at the same time share a commit.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from uuid import UUID

from deedbox.core import gateways, windows
from deedbox.core.gateways import MOST_TOLD, Entered, Entering, GatewayLimits, NotSpokenFor
from deedbox.core.keys import KeyRing
from deedbox.core.live import LiveChanges, OwnershipChanged
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.storage import Storage, Stores
from deedbox.core.windows import Announced, Announcement

#: Gateways of which is remembered what their tenants were told.
MOST_REMEMBERED = 10_000

_Offers = tuple[UUID, Sequence[Announcement]]


class GatewayMessages:
    """The core as gateways see it. `announced` hears of every stored announcement (for metrics)."""

    def __init__(
        self,
        storage: Storage,
        keys: KeyRing,
        policy: ClaimPolicy,
        limits: GatewayLimits,
        live: LiveChanges,
        announced: Callable[[Announced], None],
    ) -> None:
        self._storage = storage
        self._keys = keys
        self._policy = policy
        self._limits = limits
        self._live = live
        self._announced = announced
        self._announce_with_others = storage.batched(self._announce)
        #: What tenants were told already, by gateway, those heard of last at the end.
        self._told: OrderedDict[UUID, set[tuple[str, NotSpokenFor]]] = OrderedDict()

    async def is_gateway(self, device_id: UUID) -> bool:
        """Tell whether the device is a gateway now."""

        async def work(stores: Stores) -> bool:
            found = await stores.gateways.gateway(device_id)
            return found is not None and found.is_gateway

        return await self._storage.look(work)

    async def known(self, gateway_id: UUID, names: Collection[str]) -> Entered | None:
        """Return those of the named devices that are under the gateway already; None when it is none."""

        async def work(stores: Stores) -> Entered | None:
            return await gateways.known(stores.gateways, gateway_id, names)

        return await self._storage.read(work)

    async def enter(self, gateway_id: UUID, wishes: Mapping[str, str]) -> Entered | None:
        """Say for which of the named devices (name -> type) the gateway speaks; make and adopt what it may.

        Return None when it is no gateway. Raises StorageUnavailable.
        """
        found = await self.known(gateway_id, wishes)
        missing = {name: it for name, it in wishes.items() if found and name not in found.children}
        if found is None or not missing:
            return found
        told = self._told_of(gateway_id)

        async def work(stores: Stores) -> Entered | None:
            entering = Entering(
                gateways=stores.gateways,
                devices=stores.devices,
                deeds=stores.claims,
                profiles=stores.device_profiles,
                keys=self._keys,
                limits=self._limits,
                is_news=lambda name, why: len(told) < MOST_TOLD and (name, why) not in told,
            )
            return await gateways.enter(entering, gateway_id, missing)

        entered = await self._storage.write(work)
        if entered is None:
            return None
        told.update(islice(entered.refused.items(), MOST_TOLD))
        for device_id in entered.owned:
            self._live.tell(OwnershipChanged(device_id))
        entered.children = dict(found.children) | entered.children
        return entered

    async def announce(self, gateway_id: UUID, offers: Sequence[Announcement]) -> list[Announced | None]:
        """Open claim windows, or tell why they were not opened; None for whom the gateway does not speak.

        Raises StorageUnavailable.
        """
        answers = await self._announce_with_others((gateway_id, offers))
        for it in answers:
            if it is not None:
                self._announced(it)
        return answers

    async def speaks_for(self, gateway_id: UUID, device_id: UUID) -> bool:
        """Tell whether the gateway speaks for the device now."""
        pair = (gateway_id, device_id)

        async def work(stores: Stores) -> bool:
            return pair in await stores.gateways.spoken_for([pair])

        return await self._storage.look(work)

    async def _announce(self, stores: Stores, asked: Sequence[_Offers]) -> Sequence[list[Announced | None]]:
        pairs = {(gateway_id, it.device_id) for gateway_id, offers in asked for it in offers}
        allowed = await stores.gateways.spoken_for(pairs)
        taken = [it for gateway_id, offers in asked for it in offers if (gateway_id, it.device_id) in allowed]
        answers = iter(await windows.announce(taken, stores.announcements, self._keys, self._policy))
        return [
            [next(answers) if (gateway_id, it.device_id) in allowed else None for it in offers]
            for gateway_id, offers in asked
        ]

    def _told_of(self, gateway_id: UUID) -> set[tuple[str, NotSpokenFor]]:
        told = self._told.setdefault(gateway_id, set())
        self._told.move_to_end(gateway_id)
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        return told
