"""What ThingsBoard's Python client shows in lists: device infos, questions about many devices, keys."""

from typing import Any

from tests.conformance.tb_rest_client_cast import Cast, kind, refused, say
from tests.conformance.tb_rest_client_generation import IS_OLDER, models


def device_infos(cast: Cast) -> None:
    """Whose devices are whose, in the words of each generation."""
    infos = cast.maker.get_tenant_device_infos(10, 0, text_search="gadget 1")
    mine = cast.owner.get_customer_device_infos(cast.owners.id, 10, 0, sort_property="name")
    single = cast.owner.get_device_info_by_id(cast.device.id)
    info = infos.data[0]
    say(
        "device infos",
        kinds=[kind(infos), kind(info), kind(mine), kind(single), kind(single.active)],
        owner=getattr(info, "customer_title", None) or info.owner_name,
        mine=[it.name for it in mine.data],
        foreign=refused(lambda: cast.stranger.get_customer_device_infos(cast.owners.id, 10, 0)),
    )
    page = cast.maker.get_tenant_devices(1, 1, sort_property="name", sort_order="DESC")
    say(
        "second page",
        names=[it.name for it in page.data],
        of=[page.total_pages, page.total_elements],
        more=page.has_next,
    )


def find_entities(cast: Cast) -> None:
    """Devices by type and value, with fields and latest values beside them."""
    page = cast.owner.find_entity_data_by_query(_query(10))
    shown = page.data[0]
    say(
        "entities",
        kinds=[kind(page), kind(shown), shown.entity_id.entity_type],
        total=page.total_elements,
        latest=_values(shown.latest),
        of_the_stranger=cast.stranger.find_entity_data_by_query(_query(10)).total_elements,
        too_cold=cast.owner.find_entity_data_by_query(_query(1000)).total_elements,
    )
    counting = models.EntityCountQuery(entity_filter=_devices(), key_filters=[_warmer_than(10)])
    say(
        "counted",
        maker=cast.maker.count_entities_by_query(counting),
        stranger=cast.stranger.count_entities_by_query(counting),
    )


def name_keys(cast: Cast) -> None:
    """What there is to choose from."""
    keys = cast.owner.find_available_entity_keys_by_query(_query(10), timeseries=True, attributes=True)
    say(
        "keys",
        kind=kind(keys),
        types=str(keys.entity_types),
        series=keys.timeseries,
        attributes=keys.attribute,
        of_profile=cast.maker.get_timeseries_keys(),
        attributes_of_profile=cast.maker.get_attributes_keys(),
    )


def speak_for_a_device(cast: Cast) -> None:
    """The client has the device's side as well: by token, without signing in."""
    device = cast.maker.get_tenant_device("Gadget 3")
    told = [
        cast.maker.post_telemetry("token-3", body={"level": 1}),
        cast.maker.post_device_attributes("token-3", body={"colour": "red"}),
    ]
    cast.maker.claim_device("token-3", body={"secretKey": "by the client"})
    attributes = cast.maker.get_device_attributes("token-3", client_keys="colour", shared_keys="none")
    claimed = cast.claim(cast.owner, "Gadget 3", "by the client")
    say(
        "by token",
        told=told,
        attributes=attributes,
        claimed=claimed["response"],
        unknown=refused(lambda: cast.maker.post_telemetry("no such token", body={"level": 1})),
    )
    cast.maker.unassign_device_from_customer(device.id)


def several_histories(cast: Cast) -> None:
    """Two questions at once, which 4.3 can't ask."""
    if IS_OLDER:
        return
    span = {"start_ts": 1_700_000_000_000, "end_ts": 1_700_000_001_000}
    cut = models.AggregationParams(aggregation="AVG", interval_type="MILLISECONDS", interval=1000)
    asked = [
        models.BaseReadTsKvQuery(id=1, key="level", limit=10, order="ASC", **span),
        models.BaseReadTsKvQuery(id=2, key="level", agg_parameters=cut, **span),
    ]
    found = cast.owner.telemetry_controller.get_timeseries_by_read_ts_kv_queries(
        asked, "DEVICE", cast.device.id.id
    )
    say(
        "several histories",
        kinds=[kind(found[0]), kind(found[0].data[0])],
        values=[[point.value for point in it.data] for it in found],
    )


def _devices() -> Any:
    return models.DeviceTypeFilter(device_types=["default"], device_name_filter="", type="deviceType")


def _warmer_than(degrees: float) -> Any:
    value = models.FilterPredicateValueDouble(default_value=degrees)
    predicate = models.NumericFilterPredicate(operation="GREATER", value=value, type="NUMERIC")
    key = models.EntityKey(type="TIME_SERIES", key="temperature")
    return models.KeyFilter(key=key, value_type="NUMERIC", predicate=predicate)


def _query(degrees: float) -> Any:
    name = models.EntityKey(type="ENTITY_FIELD", key="name")
    order = models.EntityDataSortOrder(key=name, direction="ASC")
    return models.EntityDataQuery(
        entity_filter=_devices(),
        key_filters=[_warmer_than(degrees)],
        page_link=models.EntityDataPageLink(page_size=10, page=0, sort_order=order),
        entity_fields=[name],
        latest_values=[models.EntityKey(type="TIME_SERIES", key="temperature")],
    )


def _values(latest: Any) -> dict[str, Any]:
    """Values by key: one generation models them, the other hands dictionaries on."""
    return {
        key: value["value"] if isinstance(value, dict) else value.value
        for known in latest.values()
        for key, value in known.items()
    }
