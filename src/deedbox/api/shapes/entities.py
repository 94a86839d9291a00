"""Shapes that many nouns share: references to things, pages of lists."""

from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from deedbox.core.ids import NULL_ID

T = TypeVar("T")


class Wire(msgspec.Struct, rename="camel", kw_only=True):
    """Base of all wire shapes: camelCase names, unknown fields ignored as the reference server does."""


class EntityId(msgspec.Struct, rename="camel"):
    """A reference, as `{"entityType": "DEVICE", "id": "..."}`."""

    entity_type: str
    id: UUID


def reference(entity_type: str, entity_id: UUID | None) -> EntityId:
    """Return a reference; None becomes the reference server's null id, which stands for "nobody"."""
    return EntityId(entity_type, NULL_ID if entity_id is None else entity_id)


def referred(it: EntityId | None) -> UUID | None:
    """Return the id that a reference names, None for none and for the null id."""
    return None if it is None or it.id == NULL_ID else it.id


class Page(Wire, Generic[T]):
    """A page of a list; `total_elements` counts the whole list."""

    data: list[T]
    total_pages: int
    total_elements: int
    has_next: bool


def json_value(text: str) -> Any:
    """Return stored JSON text as a value."""
    return msgspec.json.decode(text)
