"""Questions about many things as JSON: the reference server's entity data and entity count queries."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from deedbox.api.shapes.entities import EntityId, Wire
from deedbox.core.entity_data import EntityRow
from deedbox.core.entity_queries import (
    Chosen,
    Condition,
    EntityKey,
    EntityQuery,
    KeyKind,
    Known,
    Order,
)
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import resource
from deedbox.core.paging import LARGEST_PAGE, page_request
from deedbox.core.permissions import Principal, Resource
from deedbox.core.value_tests import (
    Combination,
    NumberOperation,
    NumberTest,
    Test,
    TextOperation,
    TruthTest,
    text_test,
)
from deedbox.core.values import value_text

_FILTERS = ("singleEntity", "entityList", "entityName", "entityType", "deviceType", "assetType")
Joining = Literal["AND", "OR"]


class EntityKeyShape(Wire):
    """A field, an attribute or a time series, as `{"type": "TIME_SERIES", "key": "temperature"}`."""

    type: KeyKind
    key: str


class PredicateShape(Wire):
    """A comparison with `value`, or `COMPLEX`: several `predicates` joined by `operation`.

    `value` is the value itself or `{"defaultValue": ...}`.
    """

    type: Literal["STRING", "NUMERIC", "BOOLEAN", "COMPLEX"]
    operation: str
    value: Any = None
    ignore_case: bool = False
    predicates: list["PredicateShape"] = msgspec.field(default_factory=list)


class KeyFilterShape(Wire):
    """What the value of a key must be like."""

    key: EntityKeyShape
    predicate: PredicateShape


class AliasIdShape(Wire):
    """An entity; `CURRENT_CUSTOMER`, `CURRENT_TENANT` and `CURRENT_USER_OWNER` are yours, without `id`."""

    entity_type: str | None = None
    id: UUID | None = None
    alias_entity_type: str | None = None


class EntityFilterShape(Wire):
    """Which entities: `type` says how, and which of the other fields count.

    `singleEntity` (`singleEntity`), `entityList` (`entityType`, `entityList`), `entityType` (`entityType`),
    `entityName` (`entityType`, `entityNameFilter`), `deviceType` (`deviceTypes`, `deviceNameFilter`),
    `assetType` (`assetTypes`, `assetNameFilter`).
    """

    type: str
    single_entity: AliasIdShape | None = None
    entity_type: str | None = None
    entity_list: list[UUID] | None = None
    entity_name_filter: str | None = None
    device_types: list[str] | None = None
    device_type: str | None = None
    device_name_filter: str | None = None
    asset_types: list[str] | None = None
    asset_type: str | None = None
    asset_name_filter: str | None = None


class SortOrderShape(Wire):
    """By what to sort."""

    key: EntityKeyShape
    direction: Literal["ASC", "DESC"] = "ASC"


class PageLinkShape(Wire):
    """Which page of the answer."""

    page_size: int = 100
    page: int = 0
    text_search: str | None = None
    sort_order: SortOrderShape | None = None


class EntityCountQueryShape(Wire):
    """How many entities there are that meet all filters, or with `OR` any."""

    entity_filter: EntityFilterShape
    key_filters: list[KeyFilterShape] | None = None
    key_filters_operation: Joining | None = None


class EntityDataQueryShape(EntityCountQueryShape):
    """Which entities, filtered and sorted by what; and which fields and values to show of them."""

    page_link: PageLinkShape = msgspec.field(default_factory=PageLinkShape)
    entity_fields: list[EntityKeyShape] | None = None
    latest_values: list[EntityKeyShape] | None = None


class TsValueShape(Wire):
    """A value as text at a moment; "" at 0 where there is none."""

    ts: int
    value: str


class EntityDataShape(Wire):
    """An entity with its `latest` fields and values, by type of key and key."""

    entity_id: EntityId
    latest: dict[KeyKind, dict[str, TsValueShape]]
    timeseries: dict[str, list[TsValueShape]] = msgspec.field(default_factory=dict)
    agg_latest: dict[str, Any] = msgspec.field(default_factory=dict)


def entity_query(it: EntityCountQueryShape, principal: Principal) -> EntityQuery:
    """Return the question. Raises InvalidValue, naming what is not offered and what is."""
    conditions = [Condition(_key(each.key), _test(each.predicate)) for each in it.key_filters or ()]
    query = EntityQuery(
        _chosen(it.entity_filter, principal),
        conditions=tuple(conditions),
        any_is_enough=it.key_filters_operation == "OR",
    )
    if not isinstance(it, EntityDataQueryShape):
        return query
    link, shown = it.page_link, [*(it.entity_fields or ()), *(it.latest_values or ())]
    order = link.sort_order
    return msgspec.structs.replace(
        query,
        page=page_request(link.page, link.page_size, "", "", link.text_search or ""),
        shown=tuple(_key(each) for each in shown),
        order=Order(_key(order.key), order.direction == "DESC") if order else None,
    )


def entity_data_shape(it: EntityRow, query: EntityQuery) -> EntityDataShape:
    """Return the wire form of a row: each key that was asked for is there, "" where there is no value."""
    latest: dict[KeyKind, dict[str, TsValueShape]] = {}
    for key in query.shown:
        latest.setdefault(key.kind, {})[key.name] = _ts_value(it.latest.get(key))
    return EntityDataShape(entity_id=EntityId(it.kind.value, it.id), latest=latest)


def _ts_value(known: Known | None) -> TsValueShape:
    if known is None:
        return TsValueShape(ts=0, value="")
    return TsValueShape(ts=known.ts, value=value_text(known.value))


def _key(it: EntityKeyShape) -> EntityKey:
    return EntityKey(it.type, it.key)


def _chosen(it: EntityFilterShape, principal: Principal) -> Chosen:
    match it.type:
        case "singleEntity":
            return _single(it.single_entity, principal)
        case "entityList":
            return Chosen(_kind(it.entity_type), _bounded(it.entity_list or []))
        case "entityType":
            return Chosen(_kind(it.entity_type))
        case "entityName":
            return Chosen(_kind(it.entity_type), name_pattern=it.entity_name_filter or "")
        case "deviceType":
            return _typed(Resource.DEVICE, it.device_types, it.device_type, it.device_name_filter)
        case "assetType":
            return _typed(Resource.ASSET, it.asset_types, it.asset_type, it.asset_name_filter)
    raise InvalidValue(
        f"entityFilter.type '{it.type[:64]}' is not offered. Use one of {', '.join(_FILTERS)}.",
        "/entityFilter/type",
    )


def _typed(kind: Resource, types: list[str] | None, one: str | None, name: str | None) -> Chosen:
    """Return things of some types; older clients send a single one."""
    wanted = [*(types or ()), *([one] if one else ())]
    return Chosen(kind, types=tuple(wanted), name_pattern=name or "")


def _single(it: AliasIdShape | None, principal: Principal) -> Chosen:
    kind = (it.alias_entity_type or it.entity_type) if it else None
    owner = principal.customer_id
    if kind == "CURRENT_TENANT" or (kind == "CURRENT_USER_OWNER" and owner is None):
        return Chosen(Resource.TENANT, (principal.tenant_id,))
    if kind in ("CURRENT_CUSTOMER", "CURRENT_USER_OWNER"):
        return Chosen(Resource.CUSTOMER, (owner,) if owner else ())
    if it is None or it.id is None:
        raise InvalidValue("singleEntity needs entityType and id.", "/entityFilter/singleEntity")
    return Chosen(_kind(it.entity_type), (it.id,))


def _kind(entity_type: str | None) -> Resource:
    if entity_type is None:
        raise InvalidValue("entityFilter needs entityType, as DEVICE.", "/entityFilter/entityType")
    return resource(entity_type)


def _bounded(ids: list[UUID]) -> tuple[UUID, ...]:
    if len(ids) > LARGEST_PAGE:
        raise InvalidValue(
            f"entityList has {len(ids)} ids; at most {LARGEST_PAGE} are accepted.", "/entityFilter/entityList"
        )
    return tuple(ids)


def _test(it: PredicateShape) -> Test:
    try:
        if it.type == "COMPLEX":
            tests = tuple(_test(each) for each in it.predicates)
            return Combination(tests, any_is_enough={"AND": False, "OR": True}[it.operation])
        value = _compared(it.value)
        if it.type == "STRING":
            operation, text = TextOperation(it.operation), msgspec.convert(value, str)
            return text_test(operation, text, ignores_case=it.ignore_case)
        if it.type == "NUMERIC":
            return NumberTest(NumberOperation(it.operation), msgspec.convert(value, float))
        return TruthTest(msgspec.convert(value, bool), {"EQUAL": False, "NOT_EQUAL": True}[it.operation])
    except (KeyError, ValueError, msgspec.ValidationError):
        raise InvalidValue(
            f"A filter of type {it.type} can't have operation '{it.operation[:32]}' with such a value.",
            "/keyFilters",
        ) from None


def _compared(value: Any) -> Any:
    """Return what to compare with: the value itself, or what a filter of the reference server holds."""
    if not isinstance(value, dict):
        return value
    dynamic = value.get("dynamicValue") or {}
    if isinstance(dynamic, dict) and dynamic.get("sourceType"):
        raise InvalidValue(
            "dynamicValue is not offered in filters. Send the value itself as defaultValue.", "/keyFilters"
        )
    mine = value.get("userValue")
    return value.get("defaultValue") if mine is None else mine
