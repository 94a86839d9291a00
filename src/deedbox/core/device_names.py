"""Names that are taken: what to add to a device's name so that it is its tenant's only one."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from deedbox.core.devices import DeviceStore, checked_name
from deedbox.core.errors import NameTaken

_CANDIDATES = 256
_MOST_CANDIDATES = 10_240
_SUFFIX_LENGTH = 6
_SYMBOLS = "0123456789abcdefghijklmnopqrstuv"


class Uniquify(msgspec.Struct, frozen=True):
    """What to add to a name that is taken: the separator, and six random symbols or the next number."""

    separator: str = "_"
    strategy: Literal["RANDOM", "INCREMENTAL"] = "RANDOM"


async def free_name(
    store: DeviceStore, tenant_id: UUID, name: str, own_id: UUID | None, uniquify: Uniquify | None
) -> str:
    """Return the name, or with `uniquify` one made of it, that no other device of the tenant has.

    Raises NameTaken; InvalidValue when what is added makes the name too long.
    """
    taken = await store.device_ids_named(tenant_id, [name])
    if taken.get(name, own_id) == own_id:
        return name
    if uniquify is None:
        raise name_taken()
    for start in range(1, _MOST_CANDIDATES, _CANDIDATES):
        candidates = _candidates(store, name, uniquify, start)
        taken = await store.device_ids_named(tenant_id, candidates)
        free = next((it for it in candidates if it not in taken), None)
        if free is not None:
            return checked_name(free)
    raise name_taken()


def name_taken() -> NameTaken:
    """Return the refusal of a second device with the same name."""
    return NameTaken("Device with such name already exists!", "/name")


def _candidates(store: DeviceStore, name: str, uniquify: Uniquify, start: int) -> Sequence[str]:
    prefix = name + uniquify.separator
    if uniquify.strategy == "INCREMENTAL":
        return [f"{prefix}{number}" for number in range(start, start + _CANDIDATES)]
    return [prefix + "".join(_SYMBOLS[byte & 31] for byte in store.random_bytes(_SUFFIX_LENGTH))]
