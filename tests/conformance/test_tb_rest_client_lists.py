"""What both generations of ThingsBoard's Python client show in lists: devices, values, assets, relations."""

from tests.conformance.told_story import DEVICE, FORBIDDEN, NOBODY, NOT_FOUND, SHUT_OUT, Story, assert_error


def test_lists_devices_with_their_owners(story: Story) -> None:
    """Each generation has names of its own for the owner's title (thingsboard §6.4)."""
    seen = story["device infos"]
    assert seen["kinds"] == ["PageDataDeviceInfo", "DeviceInfo", "PageDataDeviceInfo", "DeviceInfo", "bool"]
    assert seen["owner"] == "Owners"
    assert seen["mine"] == [DEVICE, "Gadget 2"]
    assert_error(seen["foreign"], **FORBIDDEN)
    assert story["second page"] == {"names": ["Gadget 2"], "of": [3, 3], "more": True}


def test_finds_devices_by_their_values(story: Story) -> None:
    """Each sees the values of what it may see (behaviour §5.3, thingsboard §6.9)."""
    assert story["entities"] == {
        "kinds": ["PageDataEntityData", "EntityData", "DEVICE"],
        "total": 1,
        "latest": {"name": DEVICE, "temperature": "21.5"},
        "of_the_stranger": 0,
        "too_cold": 0,
    }
    assert story["counted"] == {"maker": 1, "stranger": 0}


def test_asks_several_histories(story: Story, generation: str) -> None:
    """Values keep their types there (thingsboard §6.7)."""
    if generation == "4.4":
        seen = story["several histories"]
        assert seen["kinds"] == ["ReadTsKvQueryResult", "TsKvEntry"]
        assert seen["values"] == [[0, 10], [5.0]]


def test_names_keys(story: Story) -> None:
    """Of what a query finds, and of a profile's devices (thingsboard §6.4, §6.9)."""
    series, attributes = ["level", "note", "on", "temperature"], ["firmware", "interval", "slots"]
    assert story["keys"] == {
        "kind": "AvailableEntityKeys",
        "types": "['DEVICE']",
        "series": series,
        "attributes": attributes,
        "of_profile": series,
        "attributes_of_profile": attributes,
    }


def test_speaks_for_a_device(story: Story) -> None:
    """The client's own device side, by token (thingsboard §2.3, §12)."""
    seen = story["by token"]
    assert seen["told"] == [None, None]
    assert seen["attributes"] == {"client": {"colour": "red"}}
    assert seen["claimed"] == "SUCCESS"
    assert seen["unknown"]["status"] == 401


def test_keeps_assets(story: Story) -> None:
    """An asset is whose it was assigned to (thingsboard §6.6)."""
    seen = story["asset"]
    assert seen["kinds"] == ["Asset", "Asset", "PageDataAsset", "AssetInfo"]
    assert seen["to_the_customer"] is True
    assert seen["by_name"] is True
    assert seen["lists"] == [["House"]] * 3
    assert seen["floors"] == [2]
    assert seen["stranger"]["status"] in SHUT_OUT
    gone = story["no asset"]
    assert (gone["customer"], gone["types"]) == (NOBODY, ["default"])
    assert_error(gone["then"], **NOT_FOUND)


def test_relates_devices_to_places(story: Story) -> None:
    """The tenant writes relations, who may read both ends reads them (thingsboard §6.6, behaviour §2.8)."""
    seen = story["relation"]
    assert seen["kinds"] == ["EntityRelation", "EntityRelationInfo", "EntityRelation"]
    assert seen["forth"] == [True]
    assert seen["back"] == [["Contains", "House", DEVICE]]
    assert seen["found"] == [DEVICE]
    assert_error(seen["not_for_owners"], **FORBIDDEN)
    assert seen["stranger"]["status"] in SHUT_OUT
    assert story["no relation"] == {"left": []}
