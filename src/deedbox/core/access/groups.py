"""Groups of things of one kind and one owner: a tenant or a customer; devices, assets, people, customers.

A thing is in as many groups of its owner as somebody puts it into, and leaves all of them when its owner
changes. Groups of all that an owner has, and those that people are in from the start, are computed.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access import computed
from deedbox.core.access.computed import ComputedGroup
from deedbox.core.access.operations import Resource
from deedbox.core.errors import InvalidValue, NameTaken, NotFound, VersionConflict
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.records import Actor, RecordStore, Subject, audit_entry
from deedbox.core.texts import checked_json, required_name

MOST_GROUPS = 1000
_LONGEST_JSON = 65_536

#: Kinds of things that groups hold -> what permissions call such a group.
GROUP_RESOURCES: Mapping[str, Resource] = {
    "DEVICE": Resource.DEVICE_GROUP,
    "ASSET": Resource.ASSET_GROUP,
    "USER": Resource.USER_GROUP,
    "CUSTOMER": Resource.CUSTOMER_GROUP,
}
_OF_TENANTS_ONLY = (ComputedGroup.TENANT_ADMINISTRATORS,)
_OF_CUSTOMERS_ONLY = (ComputedGroup.CUSTOMER_USERS, ComputedGroup.CUSTOMER_ADMINISTRATORS)


class Owner(msgspec.Struct, frozen=True):
    """Whose groups: a tenant, or with `customer_id` one of its customers."""

    tenant_id: UUID
    customer_id: UUID | None = None

    @property
    def id(self) -> UUID:
        """The id of the customer or the tenant."""
        return self.customer_id or self.tenant_id


class EntityGroup(msgspec.Struct, frozen=True):
    """A group. `kind`: DEVICE, ASSET, USER or CUSTOMER; `created_at` epoch ms; texts in JSON.

    `version` 0: computed, and nowhere stored.
    """

    id: UUID
    tenant_id: UUID
    owner_id: UUID
    kind: str
    name: str
    additional_info: str
    configuration: str
    created_at: int
    version: int

    @property
    def owner(self) -> Owner:
        """Whose group it is."""
        return Owner(self.tenant_id, None if self.owner_id == self.tenant_id else self.owner_id)

    @property
    def computed(self) -> ComputedGroup | None:
        """Which of the computed ones it is, None for one that was made."""
        which = computed.group_of(self.id)
        return None if which is None else which[1]

    @property
    def is_all(self) -> bool:
        """Tell whether it holds all that its owner has."""
        return self.name == "All" and self.computed is not None


class GroupDraft(msgspec.Struct, frozen=True):
    """What somebody wants a group to be. `version` is the one they saw, None to overwrite."""

    name: str | None
    kind: str | None
    additional_info: object = None
    configuration: object = None
    version: int | None = None


class Member(msgspec.Struct, frozen=True):
    """A thing in a group, with the name that lists show. `created_at` epoch ms."""

    id: UUID
    name: str
    created_at: int


class GroupStore(RecordStore, Protocol):
    """Stored groups and who is in them, inside one transaction; each look-up stays within its tenant."""

    async def now_ms(self) -> int:
        """Return the transaction's moment in epoch milliseconds."""
        ...

    async def has_owner(self, owner: Owner) -> bool:
        """Tell whether the tenant is there, or has that customer."""
        ...

    async def groups(self, tenant_id: UUID, group_ids: Collection[UUID]) -> Mapping[UUID, EntityGroup]:
        """Return those of the groups that are stored."""
        ...

    async def groups_of_owner(self, owner: Owner, kind: str) -> list[EntityGroup]:
        """Return the stored groups of an owner, in the order of names."""
        ...

    async def add_group(self, group: EntityGroup) -> None:
        """Store a new group. Raises NameTaken."""
        ...

    async def change_group(self, group: EntityGroup) -> None:
        """Store name, additional info, configuration and version. Raises NameTaken."""
        ...

    async def delete_group(self, group: EntityGroup) -> None:
        """Delete a group with its members and what was given to it or for it."""
        ...

    async def owned(self, owner: Owner, kind: str, ids: Collection[UUID]) -> set[UUID]:
        """Return those of the things that are there and belong to the owner itself."""
        ...

    async def add_members(self, group: EntityGroup, ids: Collection[UUID]) -> None:
        """Put things into a stored group, or people into a computed one."""
        ...

    async def remove_members(self, group: EntityGroup, ids: Collection[UUID]) -> None:
        """Take things out of a stored group, or people out of a computed one."""
        ...

    async def leave_default_group(self, user_ids: Collection[UUID]) -> None:
        """Take people out of the group that they are in from the start."""
        ...

    async def page_of_members(self, group: EntityGroup, asked: PageSlice) -> Listing[Member]:
        """Return a page of what is in a group of whatever kind."""
        ...

    async def member(self, group: EntityGroup, entity_id: UUID) -> Member | None:
        """Return the thing if it is in the group."""
        ...

    async def other_administrators(self, tenant_id: UUID, without: Collection[UUID]) -> int:
        """Count the tenant's people beside these who can sign in and are in its administrators' group."""
        ...

    async def groups_of(self, entity_ids: Collection[UUID]) -> Mapping[UUID, frozenset[UUID]]:
        """Return the stored groups that things are in, by thing."""
        ...


def computed_groups(owner: Owner, kind: str | None = None) -> dict[UUID, EntityGroup]:
    """Return the groups that an owner has from the start, by their ids."""
    others = _OF_CUSTOMERS_ONLY if owner.customer_id is None else _OF_TENANTS_ONLY
    found = [
        EntityGroup(
            computed.group_id(owner.id, it),
            owner.tenant_id,
            owner.id,
            it.kind,
            it.title,
            "null",
            "null",
            0,
            0,
        )
        for it in ComputedGroup
        if it not in others and kind in (None, it.kind)
    ]
    return {it.id: it for it in found}


async def groups_named(store: GroupStore, tenant_id: UUID, group_ids: Sequence[UUID]) -> list[EntityGroup]:
    """Return those of the groups that the tenant has, in the order of the ids."""
    found = dict(await store.groups(tenant_id, group_ids))
    for it in group_ids:
        which = computed.group_of(it)
        if which is not None:
            owner = Owner(tenant_id, None if which[0] == tenant_id else which[0])
            if await store.has_owner(owner):
                found |= computed_groups(owner)
    return [found[it] for it in dict.fromkeys(group_ids) if it in found]


async def group_of(store: GroupStore, tenant_id: UUID, group_id: UUID) -> EntityGroup:
    """Return the tenant's group of that id. Raises NotFound."""
    found = await groups_named(store, tenant_id, [group_id])
    if not found:
        raise NotFound(f"Entity group with id [{group_id}] is not found")
    return found[0]


async def groups_of_owner(store: GroupStore, owner: Owner, kind: str) -> list[EntityGroup]:
    """Return an owner's groups, computed ones first. Raises NotFound, InvalidValue."""
    checked_kind(kind)
    if not await store.has_owner(owner):
        raise NotFound
    return [*computed_groups(owner, kind).values(), *await store.groups_of_owner(owner, kind)]


def checked_kind(kind: str | None) -> str:
    """Return a kind of things that groups hold. Raises InvalidValue."""
    if kind is None or kind not in GROUP_RESOURCES:
        raise InvalidValue(f"Groups hold things of type {', '.join(GROUP_RESOURCES)}.", "/type")
    return kind


async def create(store: GroupStore, actor: Actor, owner: Owner, wanted: GroupDraft) -> EntityGroup:
    """Store a new group. Raises InvalidValue, naming the field; NotFound for the owner; NameTaken."""
    kind = checked_kind(wanted.kind)
    known = await groups_of_owner(store, owner, kind)
    if len(known) >= MOST_GROUPS:
        raise InvalidValue(f"An owner can have {MOST_GROUPS} groups of a type. Delete some first.")
    name, info, configuration = _checked(wanted, known)
    identifier, now_ms = store.new_id(), await store.now_ms()
    group = EntityGroup(identifier, owner.tenant_id, owner.id, kind, name, info, configuration, now_ms, 1)
    await store.add_group(group)
    await record(store, actor, group, "ADDED", {})
    return group


async def change(store: GroupStore, actor: Actor, group: EntityGroup, wanted: GroupDraft) -> EntityGroup:
    """Replace name, additional info and configuration of a group.

    Raises NameTaken, VersionConflict; InvalidValue, also for a computed group.
    """
    _check_made(group, "changed")
    if wanted.version not in (None, group.version):
        raise VersionConflict
    known = [it for it in await groups_of_owner(store, group.owner, group.kind) if it.id != group.id]
    name, info, configuration = _checked(wanted, known)
    group = msgspec.structs.replace(
        group, name=name, additional_info=info, configuration=configuration, version=group.version + 1
    )
    await store.change_group(group)
    await record(store, actor, group, "UPDATED", {})
    return group


async def delete(store: GroupStore, actor: Actor, group: EntityGroup) -> None:
    """Delete a group; what was in it stays. Raises InvalidValue for a computed group."""
    _check_made(group, "deleted")
    await store.delete_group(group)
    await record(store, actor, group, "DELETED", {})


def name_taken() -> NameTaken:
    """Return the refusal of a second group of that owner, kind and name."""
    return NameTaken("Entity group with such name already exists!", "/name")


def _check_made(group: EntityGroup, done: str) -> None:
    if group.computed is not None:
        raise InvalidValue(f"The group '{group.name}' is there from the start and can't be {done}.")


def _checked(wanted: GroupDraft, others: Sequence[EntityGroup]) -> tuple[str, str, str]:
    name = required_name(wanted.name, "Entity group", "name")
    if name in {it.name for it in others}:
        raise name_taken()
    info = checked_json(wanted.additional_info, "additionalInfo", _LONGEST_JSON)
    return name, info, checked_json(wanted.configuration, "configuration", _LONGEST_JSON)


async def record(
    store: GroupStore, actor: Actor, group: EntityGroup, action: str, data: dict[str, object]
) -> None:
    """Add an audit entry about a group."""
    subject, known = Subject("ENTITY_GROUP", group.id, group.name), {"entityId": group.id, "type": group.kind}
    entry = audit_entry(store, actor, subject, action, now_ms=await store.now_ms(), data=known | data)
    await store.add_audit_entries([entry])
