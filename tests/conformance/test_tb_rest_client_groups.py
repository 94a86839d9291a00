"""What the PE flavour of ThingsBoard's Python client shows of roles and groups, in both generations."""

from tests.conformance.told_story import FORBIDDEN, SHUT_OUT, Story, assert_error

_DEVICE = "Gadget for claimers"


def test_a_group_may_claim(story: Story) -> None:
    """Claiming needs a permission, and a group has it (thingsboard §9)."""
    seen = story["claimers"]
    assert seen["kinds"][:1] == ["Role"] and seen["kinds"][1] == "Role"
    assert seen["kinds"][2].startswith("EntityGroup")
    assert seen["kinds"][3].startswith("GroupPermission")
    assert_error(seen["without"], **FORBIDDEN)
    assert seen["without"]["body"]["operation"] == "CLAIM_DEVICES"
    assert seen["members"] == ["stranger@deedbox.test"]
    assert seen["claimed"] == "SUCCESS"
    assert_error(story["claimers no more"]["reclaim"], **FORBIDDEN)


def test_a_group_of_devices_is_shared(story: Story) -> None:
    """Whoever gets a role for it sees what is in it, until it is gone (thingsboard §9)."""
    seen = story["shared group"]
    assert seen["kinds"][2] == "AllowedPermissionsInfo"
    assert seen["all"] == ["All", True]
    assert seen["before"]["status"] in SHUT_OUT
    assert seen["seen"] == _DEVICE
    assert seen["devices"] == [_DEVICE]
    assert story["no shared group"]["after"]["status"] in SHUT_OUT
