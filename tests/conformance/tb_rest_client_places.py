"""Where devices are, as ThingsBoard's Python client says it: assets, and relations to what they contain."""

from typing import Any

from tests.conformance.tb_rest_client_cast import Cast, kind, refused, say
from tests.conformance.tb_rest_client_generation import IS_OLDER, models


def places(cast: Cast) -> None:
    """The maker makes a house and gives it to the owner; the stranger sees nothing of it."""
    house = cast.maker.save_asset(_asset(cast, "House"))
    cast.maker.save_entity_attributes_v1(house.id, "SERVER_SCOPE", {"floors": 2})
    given = cast.maker.assign_asset_to_customer(cast.owners.id, house.id)
    mine = cast.owner.get_customer_assets(cast.owners.id, 10, 0)
    info = cast.owner.get_asset_info_by_id(house.id)
    say(
        "asset",
        kinds=[kind(it) for it in (house, given, mine, info)],
        to_the_customer=given.customer_id.id == cast.owners.id.id,
        by_name=cast.maker.get_tenant_asset("House").id.id == house.id.id,
        lists=[
            [it.name for it in page.data]
            for page in (mine, cast.maker.get_tenant_assets(10, 0), cast.maker.get_tenant_asset_infos(10, 0))
        ],
        floors=[it.value for it in cast.owner.get_attributes_by_scope(house.id, "SERVER_SCOPE")],
        stranger=refused(lambda: cast.stranger.get_asset_by_id(house.id)),
    )


def relations(cast: Cast) -> None:
    """The maker says that the device is in the house; the owner reads it and the stranger does not."""
    house, device = cast.maker.get_tenant_asset("House"), cast.device
    relation = models.EntityRelation(_from=house.id, to=device.id, type="Contains", type_group="COMMON")
    cast.maker.save_relation(relation)
    forth = cast.owner.find_by_from(house.id, "Contains")
    back = cast.owner.find_info_by_to(device.id, "DEVICE")
    single = cast.maker.get_relation(house.id, "Contains", device.id)
    search = models.DeviceSearchQuery(
        parameters=models.RelationsSearchParameters(
            root_id=house.id.id, root_type="ASSET", direction="FROM", max_level=1
        ),
        relation_type="Contains",
        device_types=["default"],
    )
    say(
        "relation",
        kinds=[kind(forth[0]), kind(back[0]), kind(single)],
        forth=[it.to.id == device.id.id for it in forth],
        back=[[it.type, it.from_name, it.to_name] for it in back],
        found=[it.name for it in cast.owner.find_by_query_v1(search)],
        not_for_owners=refused(lambda: cast.owner.save_relation(relation)),
        stranger=refused(lambda: cast.stranger.find_by_from(house.id, "Contains")),
    )
    cast.maker.delete_relation(house.id, "Contains", device.id)
    say("no relation", left=cast.maker.find_by_from(house.id, "Contains"))


def without_places(cast: Cast) -> None:
    """The house is taken back and deleted."""
    house = cast.maker.get_tenant_asset("House")
    taken = cast.maker.unassign_asset_from_customer(house.id)
    cast.maker.delete_asset(house.id)
    say(
        "no asset",
        customer=taken.customer_id.id,
        then=refused(lambda: cast.maker.get_asset_by_id(house.id)),
        types=[it.type for it in cast.maker.get_asset_types()],
    )


def _asset(cast: Cast, name: str) -> Any:
    """The model of an asset in the default profile: 4.3 wants the profile, 4.4 a type."""
    if IS_OLDER:
        profile = cast.maker.get_default_asset_profile_info()
        return models.Asset(name=name, asset_profile_id=profile.id)
    return models.Asset(name=name, type="default")
