"""Following relations from a thing, level by level: what is related to it, and to that, and so on."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from deedbox.core.entities import Entity, EntityKind, Reference, readable_one
from deedbox.core.errors import InvalidValue
from deedbox.core.relations import Direction, Group, Related, Relating, RelationKey, visible

#: How far and how wide a search goes at most.
MOST_LEVELS = 64
MOST_FOLLOWED = 10_000


class RelationFilter(msgspec.Struct, frozen=True):
    """Relations of a type (or, negated, of any other) whose far end is of one of the kinds; empty: any."""

    type: str = ""
    kinds: frozenset[str] = frozenset()
    negate: bool = False

    def lets_pass(self, key: RelationKey, direction: Direction) -> bool:
        """Tell whether the relation is meant."""
        has_type = not self.type or (key.type == self.type) is not self.negate
        return has_type and (not self.kinds or key.far_end(direction).kind in self.kinds)


class Search(msgspec.Struct, frozen=True):
    """A search from `root`: `levels` deep, 0 for as deep as it goes.

    `last_level_only`: not what is found on the way, but where the way ends. A relation is in the answer when
    any of the filters lets it pass; they don't keep the search from following it.
    """

    root: Reference
    direction: Direction = Direction.FROM
    group: Group = Group.COMMON
    levels: int = 1
    last_level_only: bool = False
    filters: tuple[RelationFilter, ...] = ()


async def search(relating: Relating, wanted: Search) -> list[Related]:
    """Return what is found, each relation once, the nearest first.

    Relations that the principal may not read are not followed either. Raises NotFound and NotPermitted about
    the root; InvalidValue for a search that goes too far.
    """
    await readable_one(relating.entities, relating.principal, wanted.root)
    found: dict[RelationKey, Related] = {}
    known: dict[Reference, Entity] = {}
    frontier: dict[Reference, list[Related]] = {wanted.root: []}
    seen, followed = {wanted.root}, 0
    for level in range(1, _levels(wanted) + 1):
        near = await _near(relating, wanted, frontier, MOST_FOLLOWED - followed, known)
        followed += sum(map(len, near.values()))
        kept = (it for end, led in frontier.items() for it in _kept(wanted, level, led, near.get(end, [])))
        found.update({it.relation.key: it for it in kept})
        frontier = _next(wanted, near, seen)
        if not frontier:
            break
    if frontier and not wanted.levels:
        raise _too_far(f"goes deeper than {MOST_LEVELS} levels")
    return [it for it in found.values() if _is_meant(wanted, it)]


def far_ends(wanted: Search, found: Iterable[Related], kind: EntityKind) -> list[UUID]:
    """Return the things of that kind that were found, each once, in order."""
    ends = (it.relation.key.far_end(wanted.direction) for it in found)
    return list(dict.fromkeys(it.id for it in ends if it.kind is kind))


def _levels(wanted: Search) -> int:
    if wanted.levels > MOST_LEVELS:
        raise InvalidValue(
            f"maxLevel is {wanted.levels}; at most {MOST_LEVELS} are followed, and 0 means all.",
            "/parameters/maxLevel",
        )
    return wanted.levels or MOST_LEVELS


async def _near(
    relating: Relating, wanted: Search, ends: Iterable[Reference], most: int, known: dict[Reference, Entity]
) -> dict[Reference, list[Related]]:
    """Return what leads on from these ends, by end."""
    tenant_id = relating.principal.tenant_id
    found = await relating.relations.relations(
        tenant_id, list(ends), wanted.direction, wanted.group, most + 1
    )
    if len(found) > most:
        raise _too_far(f"meets more than {MOST_FOLLOWED} relations")
    near: dict[Reference, list[Related]] = {}
    for it in await visible(relating, found, known):
        near.setdefault(it.relation.key.end(wanted.direction), []).append(it)
    return near


def _kept(wanted: Search, level: int, led: Sequence[Related], near: Sequence[Related]) -> Sequence[Related]:
    """Return what counts of an end's relations; `led` are those that led there."""
    if not wanted.last_level_only:
        return near
    if not near:
        return led
    return near if level == wanted.levels else []


def _next(
    wanted: Search, near: dict[Reference, list[Related]], seen: set[Reference]
) -> dict[Reference, list[Related]]:
    """Return ends that were not seen before, each with the relations that led there."""
    following: dict[Reference, list[Related]] = {}
    for relations in near.values():
        new: dict[Reference, list[Related]] = {}
        for it in relations:
            far = it.relation.key.far_end(wanted.direction)
            if far not in seen:
                new.setdefault(far, []).append(it)
        seen.update(new)
        following |= new
    return following


def _is_meant(wanted: Search, it: Related) -> bool:
    key = it.relation.key
    return not wanted.filters or any(one.lets_pass(key, wanted.direction) for one in wanted.filters)


def _too_far(why: str) -> InvalidValue:
    return InvalidValue(
        f"This search {why}. Lower maxLevel, or begin at something smaller.", "/parameters/maxLevel"
    )
