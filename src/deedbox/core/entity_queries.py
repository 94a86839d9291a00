"""Questions about many things at once: which ones, what to show of each, by what to filter and sort them.

Only what is asked and how a value answers it is here; `entity_data.py` finds the things and their values.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from uuid import UUID

import msgspec

from deedbox.core.attributes import Scope
from deedbox.core.errors import InvalidValue
from deedbox.core.paging import PageRequest
from deedbox.core.permissions import Resource
from deedbox.core.value_tests import Test, passes, single_tests
from deedbox.core.values import Value, value_text

MOST_KEYS = 200
MOST_TESTS = 200
MOST_TYPES = 100


class KeyKind(StrEnum):
    """Where a key is looked up; ATTRIBUTE is the scope whose value changed last. Names are on the wire."""

    ENTITY_FIELD = "ENTITY_FIELD"
    TIME_SERIES = "TIME_SERIES"
    ATTRIBUTE = "ATTRIBUTE"
    CLIENT_ATTRIBUTE = "CLIENT_ATTRIBUTE"
    SHARED_ATTRIBUTE = "SHARED_ATTRIBUTE"
    SERVER_ATTRIBUTE = "SERVER_ATTRIBUTE"


#: Where attributes of each kind of key are.
SCOPES: Mapping[KeyKind, tuple[Scope, ...]] = {
    KeyKind.CLIENT_ATTRIBUTE: (Scope.CLIENT_SCOPE,),
    KeyKind.SHARED_ATTRIBUTE: (Scope.SHARED_SCOPE,),
    KeyKind.SERVER_ATTRIBUTE: (Scope.SERVER_SCOPE,),
    KeyKind.ATTRIBUTE: tuple(Scope),
}


class EntityKey(msgspec.Struct, frozen=True):
    """The name of something that a thing has: a field, an attribute, a time series."""

    kind: KeyKind
    name: str


class Known(msgspec.Struct, frozen=True):
    """A value and its moment (epoch milliseconds)."""

    ts: int
    value: Value


Latest = Mapping[EntityKey, Known]


class Condition(msgspec.Struct, frozen=True):
    """What a value must be like; without the value the condition is not met."""

    key: EntityKey
    test: Test


class Chosen(msgspec.Struct, frozen=True):
    """Which things a question is about: those of some ids, else all that somebody may see of a kind.

    `types` are device types, none for all. `name_pattern` is the beginning of a name in any case; with `%`
    in front or behind anything may stand there.
    """

    kind: Resource
    ids: tuple[UUID, ...] | None = None
    types: tuple[str, ...] = ()
    name_pattern: str = ""


class Order(msgspec.Struct, frozen=True):
    """By what things are sorted; those without the value come last."""

    key: EntityKey
    descending: bool = False


class EntityQuery(msgspec.Struct, frozen=True):
    """A whole question. Of `page` all counts but its order: that is `order`, without one that of making."""

    chosen: Chosen
    page: PageRequest = PageRequest()
    shown: tuple[EntityKey, ...] = ()
    conditions: tuple[Condition, ...] = ()
    any_is_enough: bool = False
    order: Order | None = None

    @property
    def tested(self) -> tuple[EntityKey, ...]:
        """What must be known of a thing before it is known whether it is in the answer, and where."""
        keys = [it.key for it in self.conditions]
        return tuple(dict.fromkeys([*keys, self.order.key] if self.order else keys))


def check_size(query: EntityQuery) -> None:
    """Check that a question is of a bearable size. Raises InvalidValue."""
    if len(query.shown) > MOST_KEYS:
        raise InvalidValue(
            f"The query asks for {len(query.shown)} fields and values; at most {MOST_KEYS} are shown."
        )
    tests = sum(1 for it in query.conditions for _ in single_tests(it.test))
    if tests > MOST_TESTS:
        raise InvalidValue(f"The query has {tests} filters; at most {MOST_TESTS} are tried.")
    if len(query.chosen.types) > MOST_TYPES:
        raise InvalidValue(
            f"The query names {len(query.chosen.types)} types; at most {MOST_TYPES} are tried."
        )


def is_met(query: EntityQuery, latest: Latest) -> bool:
    """Tell whether a thing with these values meets the conditions."""
    if not query.conditions:
        return True
    met = (_condition_is_met(it, latest) for it in query.conditions)
    return any(met) if query.any_is_enough else all(met)


def in_order(query: EntityQuery, found: Sequence[tuple[UUID, Latest]]) -> list[UUID]:
    """Return the ids in the order that the question asks for; without one in that of making."""
    by_age = sorted(found, key=lambda it: it[0])
    if query.order is None:
        return [entity_id for entity_id, _ in by_age]
    key = query.order.key
    having = [(latest[key].value, entity_id) for entity_id, latest in by_age if key in latest]
    having.sort(key=lambda it: _place(it[0]), reverse=query.order.descending)
    lacking = [entity_id for entity_id, latest in by_age if key not in latest]
    return [entity_id for _, entity_id in having] + lacking


def name_fits(pattern: str, name: str) -> bool:
    """Tell whether a name is as `Chosen.name_pattern` says."""
    wanted, name = pattern.lower(), name.lower()
    core = wanted.strip("%")
    if wanted.startswith("%") and wanted.endswith("%"):
        return core in name
    return name.endswith(core) if wanted.startswith("%") else name.startswith(core)


def _condition_is_met(it: Condition, latest: Latest) -> bool:
    known = latest.get(it.key)
    return known is not None and passes(it.test, known.value)


def _place(value: Value) -> tuple[int, float, str]:
    """Return where a value sorts: numbers and booleans before texts."""
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, value_text(value)
