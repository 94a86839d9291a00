"""How each device speaks, by its profile: looked up when it comes, and kept fresh while it is there.

A change of a profile counts at once on this node and within seconds on others, for connected devices, too.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Collection, Sequence
from uuid import UUID
from weakref import WeakValueDictionary

from deedbox.core.device_profiles import ProfileVersion, StoredSettings
from deedbox.core.errors import InvalidValue, StorageUnavailable
from deedbox.core.storage import Storage, Stores
from deedbox.core.transport_configuration import DefaultTransport, stored_transport
from deedbox.transports.payload_formats.manners import DEFAULT, Manners

#: How long another node's change of a profile may stay unnoticed here.
READ_EVERY_S = 10.0
#: For how long it may stay unnoticed that a device has another profile; and of how many that is remembered.
ASKED_AGAIN_AFTER_MS, MOST_DEVICES = 30_000, 50_000
#: Profiles that are remembered while none of their devices is connected.
MOST_PROFILES = 1000

_log = logging.getLogger(__name__)


class DeviceManners:
    """The manners of all profiles whose devices are here, or were not long ago."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._by_profile: WeakValueDictionary[UUID, Manners] = WeakValueDictionary()
        #: Those that were asked for last, at the end.
        self._remembered: OrderedDict[UUID, Manners] = OrderedDict()
        #: Devices that have no session, with the moment when they were looked up, the last one at the end.
        self._of_devices: OrderedDict[UUID, tuple[Manners, int]] = OrderedDict()

    @property
    def known_profiles(self) -> int:
        """How many profiles are remembered, of MOST_PROFILES; those asked for longest ago give way."""
        return len(self._remembered)

    @property
    def known_devices(self) -> int:
        """Of how many devices without a session the profile is remembered, of MOST_DEVICES."""
        return len(self._of_devices)

    async def of_device(self, device_id: UUID) -> Manners:
        """Return how the device speaks. Raises StorageUnavailable."""
        return (await self.of_devices([device_id]))[0]

    async def of_devices(self, device_ids: Sequence[UUID]) -> list[Manners]:
        """Return, in order, how these devices speak; those that are gone as by default."""
        if not device_ids:
            return []

        async def work(stores: Stores) -> tuple[dict[UUID, ProfileVersion], dict[UUID, StoredSettings]]:
            store = stores.device_profiles
            found = await store.profiles_of_devices(set(device_ids))
            unknown = {it.profile_id for it in found.values() if not self._is_known(it)}
            return found, await store.settings_of(unknown)

        profiles, settings = await self._storage.look(work)
        for profile_id, stored in settings.items():
            self._learn(profile_id, stored)
        return [self._manners(profiles[it].profile_id) if it in profiles else DEFAULT for it in device_ids]

    async def recent(self, device_ids: Collection[UUID], now_ms: int) -> dict[UUID, Manners]:
        """Return how these devices speak, as of not long ago; for those that come with each message anew.

        `now_ms` is any clock in milliseconds, always the same one. Raises StorageUnavailable.
        """
        found, unknown = {}, set()
        for it in device_ids:
            manners, asked_at_ms = self._of_devices.get(it, (DEFAULT, -ASKED_AGAIN_AFTER_MS))
            if now_ms - asked_at_ms < ASKED_AGAIN_AFTER_MS:
                found[it] = manners
            else:
                unknown.add(it)
        if unknown:
            asked = list(unknown)
            for it, manners in zip(asked, await self.of_devices(asked), strict=True):
                found[it] = manners
                self._of_devices[it] = manners, now_ms
                self._of_devices.move_to_end(it)
            while len(self._of_devices) > MOST_DEVICES:
                self._of_devices.popitem(last=False)
        return found

    async def reload(self) -> None:
        """Read the profiles that have changed; that counts from now on, for connected devices, too."""
        known = {profile_id: manners.version for profile_id, manners in self._by_profile.items()}

        async def work(stores: Stores) -> dict[UUID, StoredSettings]:
            store = stores.device_profiles
            changed = [it for it in await store.versions_of(known) if known[it.profile_id] != it.version]
            return await store.settings_of([it.profile_id for it in changed])

        for profile_id, stored in (await self._storage.read(work)).items() if known else ():
            self._learn(profile_id, stored)

    async def keep_fresh(self) -> None:
        """Read what has changed every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(READ_EVERY_S)
            try:
                await self.reload()
            except StorageUnavailable as error:
                _log.warning("device profiles were not read: %s", error)

    def _is_known(self, it: ProfileVersion) -> bool:
        known = self._by_profile.get(it.profile_id)
        return known is not None and known.version == it.version

    def _manners(self, profile_id: UUID) -> Manners:
        manners = self._by_profile.get(profile_id, DEFAULT)
        if manners is not DEFAULT:
            self._remember(profile_id, manners)
        return manners

    def _learn(self, profile_id: UUID, stored: StoredSettings) -> None:
        manners = self._by_profile.get(profile_id)
        if manners is None:
            manners = self._by_profile[profile_id] = Manners()
        try:
            manners.renew(stored.version, stored_transport(stored.settings))
        except InvalidValue as refusal:  # of before schemas were checked
            _log.warning("devices of profile %s speak JSON: %s", profile_id, refusal.message)
            manners.renew(stored.version, DefaultTransport())
        self._remember(profile_id, manners)

    def _remember(self, profile_id: UUID, manners: Manners) -> None:
        self._remembered[profile_id] = manners
        self._remembered.move_to_end(profile_id)
        if len(self._remembered) > MOST_PROFILES:
            self._remembered.popitem(last=False)
