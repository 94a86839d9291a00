"""Which relations a filter of a search lets pass, and what a thing may be."""

from uuid import UUID

import pytest

from deedbox.core.entities import EntityKind, Reference, kind_of
from deedbox.core.errors import InvalidValue
from deedbox.core.relation_searches import RelationFilter
from deedbox.core.relations import Direction, RelationKey

ROOM, LAMP = (Reference(kind, UUID(int=1)) for kind in (EntityKind.ASSET, EntityKind.DEVICE))
KEY = RelationKey(ROOM, LAMP, "Contains")


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (RelationFilter(), True),
        (RelationFilter("Contains"), True),
        (RelationFilter("contains"), False),
        (RelationFilter("Contains", negate=True), False),
        (RelationFilter("Manages", negate=True), True),
        (RelationFilter("", frozenset(["DEVICE"])), True),
        (RelationFilter("", frozenset(["ASSET"])), False),
        (RelationFilter("Contains", frozenset(["ASSET", "DEVICE"])), True),
        (RelationFilter("", frozenset(["DASHBOARD"])), False),
        (RelationFilter(negate=True), True),
    ],
)
def test_a_filter_looks_at_type_and_far_end(wanted: RelationFilter, passes: bool) -> None:
    """Thingsboard §6.6."""
    assert wanted.lets_pass(KEY, Direction.FROM) is passes


def test_the_far_end_depends_on_the_direction() -> None:
    assets = RelationFilter("", frozenset(["ASSET"]))
    assert assets.lets_pass(KEY, Direction.TO)
    assert (KEY.end(Direction.TO), KEY.far_end(Direction.TO)) == (LAMP, ROOM)
    assert (KEY.end(Direction.FROM), KEY.far_end(Direction.FROM)) == (ROOM, LAMP)


def test_kinds_are_known_in_any_case() -> None:
    assert kind_of("device_profile", "entityType") is EntityKind.DEVICE_PROFILE


@pytest.mark.parametrize("text", ["", "DASHBOARD", "device ", "DEVICE\u0000", "x" * 10_000])
def test_other_kinds_are_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        kind_of(text, "fromType")
    assert refused.value.pointer == "/fromType"
    assert len(refused.value.message) < 300
