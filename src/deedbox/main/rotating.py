"""`deedbox secrets rotate`: adds keys, protects anew what older ones protect, and prunes those unused."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import msgspec

from deedbox.config.declared import Settings
from deedbox.core import rotation
from deedbox.core.keys import KeyRing
from deedbox.core.rotation import RotationStore
from deedbox.core.storage import Storage, Stores
from deedbox.main.failures import CannotStart, understandable
from deedbox.main.folder import held_folder, migrate_if_needed
from deedbox.main.keys import open_key_ring
from deedbox.security.key_file import add_generation, load, remove_generations
from deedbox.storage.opening import open_storage

_ROWS = 1000
_FIRST = UUID(int=0)

_RENEWALS = (
    rotation.renew_credentials,
    rotation.renew_claim_keys,
    rotation.renew_label_qr_keys,
    rotation.renew_label_short_codes,
    rotation.renew_activations,
    rotation.renew_provision_settings,
)

Tell = Callable[[int, int], object]
Renew = Callable[[RotationStore, KeyRing, UUID, int], Coroutine[Any, Any, list[UUID]]]


class Rotated(msgspec.Struct, frozen=True):
    """What a rotation did: the generation in use, rows renewed, older generations kept and removed."""

    newest: int
    renewed: int
    kept: list[int]
    pruned: list[int]


def rotate_secrets(settings: Settings, *, prune: bool, tell: Tell) -> Rotated:
    """Rotate the keys of a deployment that no server runs on; `tell(done, total)` hears of progress.

    A rotation that was interrupted is finished by the next one. Raises CannotStart.
    """
    with understandable(), held_folder(settings):
        migrate_if_needed(settings, in_child=False)
        open_key_ring(settings)
        newest = add_generation(settings.key_file)
        return asyncio.run(_rotate(settings, newest, prune, tell))


async def _rotate(settings: Settings, newest: int, prune: bool, tell: Tell) -> Rotated:
    keys = load(settings.key_file)
    storage = await open_storage(settings.database_url)
    try:
        renewed = await _renew_all(storage, keys, tell)
        in_use = await storage.read(_generations_in_use)
    finally:
        await storage.close()
    unused = [it for it in keys.generations if it != newest and it not in in_use]
    pruned = unused if prune else []
    if pruned:
        remove_generations(settings.key_file, pruned)
    kept = [it for it in keys.generations if it != newest and it not in pruned]
    return Rotated(newest, renewed, kept, pruned)


async def _renew_all(storage: Storage, keys: KeyRing, tell: Tell) -> int:
    async def count(stores: Stores) -> int:
        return await stores.rotation.count_old(keys.newest)

    total, done = await storage.read(count), 0
    for renew in _RENEWALS:
        async for renewed in _bites(storage, keys, renew):
            done += renewed
            tell(done, total)
    return done


async def _bites(storage: Storage, keys: KeyRing, renew: Renew) -> Any:
    after = _FIRST
    while True:

        async def work(stores: Stores, after: UUID = after) -> list[UUID]:
            return await renew(stores.rotation, keys, after, _ROWS)

        try:
            renewed = await storage.write(work)
        except ValueError as error:
            raise CannotStart(f"A stored secret can't be read, so the rotation ended: {error}.") from error
        if not renewed:
            return
        yield len(renewed)
        after = renewed[-1]


async def _generations_in_use(stores: Stores) -> list[int]:
    return list(await stores.rotation.generations_in_use())
