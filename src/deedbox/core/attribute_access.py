"""Reading and changing attributes on somebody's behalf: who may, what is recorded; the claim key too."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from deedbox.core import attributes, claim_keys, holders
from deedbox.core.access.lookup import check_target, with_groups
from deedbox.core.attributes import CLAIMING_DATA, Attribute, NewAttribute, Scope, Writer
from deedbox.core.errors import InvalidValue, LimitReached
from deedbox.core.holders import Holder, permitted
from deedbox.core.keys import KeyRing
from deedbox.core.permissions import Operation, Principal, Resource, may
from deedbox.core.records import Actor
from deedbox.core.storage import Stores
from deedbox.core.value_limits import MOST_OWNER_ATTRIBUTES
from deedbox.core.values import Value, named_values

_OPERATIONS: Mapping[Scope, Operation] = {
    Scope.SERVER_SCOPE: Operation.WRITE_ATTRIBUTES,
    Scope.SHARED_SCOPE: Operation.WRITE_SHARED_ATTRIBUTES,
    Scope.CLIENT_SCOPE: Operation.WRITE_ATTRIBUTES,
}


class Named(msgspec.Struct, frozen=True):
    """Whose attributes: the entity, and the scopes that are meant; `names` None means all."""

    kind: Resource
    id: UUID
    scopes: tuple[Scope, ...]
    names: frozenset[str] | None = None

    @property
    def names_claim_key(self) -> bool:
        """Tell whether the claim key itself is asked for, which is recorded."""
        return Scope.SERVER_SCOPE in self.scopes and CLAIMING_DATA in (self.names or ())


async def save(
    stores: Stores, keys: KeyRing, principal: Principal, actor: Actor, wanted: Named, data: object
) -> int:
    """Write a JSON object of attributes into the one scope that is `wanted`; return the epoch of it.

    Raises NotFound, NotPermitted, LimitReached, InvalidValue that never repeats a claim key.
    """
    scope = wanted.scopes[0]
    _check_writable(scope, wanted.kind)
    holder = await _locked(stores, principal, wanted)
    others = data
    if scope is Scope.SERVER_SCOPE and wanted.kind is Resource.DEVICE:
        others = await _save_claim_key(stores, keys, principal, holder, data)
    values = _values(others) if others or not data else {}
    writer = Writer.TENANT if principal.customer_id is None else Writer.CUSTOMER
    if writer is Writer.CUSTOMER:
        await _check_room(stores, holder, scope, values)
    await attributes.write(stores.attributes, await _rows(stores, holder, scope, writer, values))
    await _record_change(stores, actor, holder, "ATTRIBUTES_UPDATED", scope, data)
    return holder.epoch


async def read(
    stores: Stores, keys: KeyRing, principal: Principal, actor: Actor, wanted: Named
) -> list[Attribute]:
    """Return attributes as the principal may see them, ordered by scope and name.

    The claim key is shown only to those who name it and may read it, which is recorded: then, and only then,
    this writes. Raises NotFound, NotPermitted.
    """
    holder = await permitted(stores.attributes, principal, Operation.READ_ATTRIBUTES, wanted.kind, wanted.id)
    found = await stores.attributes.attributes_of(wanted.id, wanted.scopes, holders.extent(holder, principal))
    key = await _claim_key(stores, keys, principal, actor, holder, wanted)
    if key is not None:
        found = sorted([*found, key], key=lambda it: (it.scope, it.name))
    return [it for it in found if wanted.names is None or it.name in wanted.names]


async def drop(stores: Stores, principal: Principal, actor: Actor, wanted: Named) -> int:
    """Delete the named attributes of one scope: the tenant whoever wrote them, an owner its own.

    Returns the epoch in which that was.

    Raises NotFound, NotPermitted, InvalidValue without names.
    """
    if not wanted.names:
        raise InvalidValue("No keys were named. Add ?keys=first,second to the address.", "/keys")
    scope, names = wanted.scopes[0], wanted.names
    holder = await _locked(stores, principal, wanted)
    if principal.customer_id is None:
        await stores.attributes.drop_attributes(wanted.id, scope, names)
    else:
        await stores.attributes.drop_owner_attributes(wanted.id, scope, names)
    if wanted.names_claim_key and wanted.kind is Resource.DEVICE:
        await check_target(stores.attributes, principal, Operation.WRITE_CLAIM_KEY, holders.target(holder))
        await claim_keys.drop_keys(stores.claim_keys, [wanted.id])
    await _record_change(stores, actor, holder, "ATTRIBUTES_DELETED", scope, names)
    return holder.epoch


async def _locked(stores: Stores, principal: Principal, wanted: Named) -> Holder:
    """Return the holder for a change: a device's owner stays the same until the transaction ends."""
    if wanted.kind is Resource.DEVICE:
        await stores.claims.lock_devices([wanted.id])
    operation = _OPERATIONS[wanted.scopes[0]]
    return await permitted(stores.attributes, principal, operation, wanted.kind, wanted.id)


async def _check_room(stores: Stores, holder: Holder, scope: Scope, values: Mapping[str, Value]) -> None:
    """Keep an owner from growing the database without end. Raises LimitReached."""
    found = await stores.attributes.attributes_of(holder.id, [scope], holders.device_extent(holder))
    known = {it.name for it in found}
    if not values.keys() <= known and len(known | values.keys()) > MOST_OWNER_ATTRIBUTES:
        raise LimitReached(
            f"This device has {len(known)} attributes of {scope.name}; owners may fill it up to "
            f"{MOST_OWNER_ATTRIBUTES}. Delete some, then try again."
        )


async def _record_change(
    stores: Stores, actor: Actor, holder: Holder, action: str, scope: Scope, names: object
) -> None:
    """Record which attributes changed, never what they hold."""
    known = sorted(names) if isinstance(names, Mapping | frozenset) else []
    data = {"scope": scope.name, "attributes": known}
    await holders.record(stores.attributes, actor, holder, action, data)


async def _save_claim_key(
    stores: Stores, keys: KeyRing, principal: Principal, holder: Holder, data: object
) -> object:
    """Take the claim key out of the attributes, store it as what it is, and return the others."""
    if not isinstance(data, Mapping):
        return data
    claim_keys.refuse_flat_form(data)
    if CLAIMING_DATA not in data:
        return data
    await check_target(stores.attributes, principal, Operation.WRITE_CLAIM_KEY, holders.target(holder))
    key = claim_keys.claim_key(data[CLAIMING_DATA])
    await claim_keys.set_keys(stores.claim_keys, keys, {holder.id: key})
    return {name: value for name, value in data.items() if name != CLAIMING_DATA}


def _check_writable(scope: Scope, kind: Resource) -> None:
    if scope is Scope.CLIENT_SCOPE:
        raise InvalidValue("Invalid scope: CLIENT_SCOPE. Only the device writes its client attributes.")
    if scope is Scope.SHARED_SCOPE and kind is not Resource.DEVICE:
        raise InvalidValue("Invalid scope: SHARED_SCOPE. Only devices have shared attributes.")


def _values(data: object) -> dict[str, Value]:
    if isinstance(data, Mapping) and CLAIMING_DATA in data:
        raise InvalidValue("claimingData is a claim key. Send it to SERVER_SCOPE of a device; nowhere else.")
    return named_values(data, "The attributes")


async def _rows(
    stores: Stores, holder: Holder, scope: Scope, writer: Writer, values: Mapping[str, Value]
) -> list[NewAttribute]:
    now_ms = await stores.attributes.now_ms()
    on_device = holder.kind is Resource.DEVICE
    return [
        NewAttribute(holder.id, scope, name, writer, value, now_ms, on_device)
        for name, value in values.items()
    ]


async def _claim_key(
    stores: Stores, keys: KeyRing, principal: Principal, actor: Actor, holder: Holder, wanted: Named
) -> Attribute | None:
    """Return the claim key as an attribute: itself, hidden, or none for those who shall not know of it."""
    if Scope.SERVER_SCOPE not in wanted.scopes or principal.customer_id is not None:
        return None
    stored = await claim_keys.stored_key(stores.claim_keys, holder.id)
    if stored is None:
        return None
    value: Value = claim_keys.hidden(stored)
    operation = Operation.READ_CLAIM_KEY
    target = await with_groups(stores.attributes, principal, operation, holders.target(holder))
    if wanted.names_claim_key and may(principal, operation, target):
        value = claim_keys.revealed(stored, keys, holder.id)
        read_data = {"scope": Scope.SERVER_SCOPE.name, "attributes": [CLAIMING_DATA]}
        await holders.record(stores.attributes, actor, holder, "ATTRIBUTES_READ", read_data)
    return Attribute(Scope.SERVER_SCOPE, CLAIMING_DATA, value, stored.opened_at)
