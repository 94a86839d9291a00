"""Names of keys that entities have, as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from deedbox.api.shapes.entities import Wire
from deedbox.core.attributes import Scope
from deedbox.core.entity_keys import Keys
from deedbox.core.entity_queries import Known


class AvailableKeysShape(Wire):
    """Names of time series and attributes that the entities have, of these types of entities."""

    entity_types: list[str]
    timeseries: list[str] = msgspec.field(default_factory=list)
    attribute: list[str] = msgspec.field(default_factory=list)


class KeySampleShape(Wire):
    """The newest value that any of the entities has."""

    ts: int
    value: Any


class KeyInfoShape(Wire):
    """A key, with an example of its values if that was asked for."""

    key: str
    sample: KeySampleShape | UnsetType = UNSET


class AvailableKeysV2Shape(Wire):
    """Keys of time series, and of attributes by scope; what was not asked for is left out."""

    total_entities: int
    entity_types: list[str]
    timeseries: list[KeyInfoShape] | UnsetType = UNSET
    attributes: dict[str, list[KeyInfoShape]] | UnsetType = UNSET


def attribute_names(keys: Keys) -> list[str]:
    """Return the names of attributes of all scopes, each once, in order."""
    return sorted({name for names in keys.attributes.values() for name in names})


def key_infos(keys: Mapping[str, Known], *, with_samples: bool) -> list[KeyInfoShape]:
    """Return keys in the order of their names."""
    return [
        KeyInfoShape(key=name, sample=KeySampleShape(ts=it.ts, value=it.value) if with_samples else UNSET)
        for name, it in sorted(keys.items())
    ]


def attribute_infos(keys: Keys, *, with_samples: bool) -> dict[str, list[KeyInfoShape]]:
    """Return keys of attributes by the names of their scopes."""
    return {
        Scope(scope).name: key_infos(names, with_samples=with_samples)
        for scope, names in keys.attributes.items()
    }
