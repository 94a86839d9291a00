"""Roles and groups with the PE flavour of ThingsBoard's Python client: some customers' users may claim."""

import contextlib
import sys
from typing import Any

from tests.conformance.tb_rest_client_cast import PASSWORD, Cast, kind, refused, say
from tests.conformance.tb_rest_client_generation import IS_OLDER, checked, models, new_device

_DEVICE = "Gadget for claimers"


class _Flavour:
    """The maker's client in its PE flavour and the models of it; 4.4 has no other."""

    def __init__(self, cast: Cast) -> None:
        self.client, self.models = cast.maker, models
        if IS_OLDER:
            from tb_rest_client.models import models_pe  # type: ignore[import-not-found]  # noqa: PLC0415
            from tb_rest_client.rest_client_pe import RestClientPE  # type: ignore[import-not-found]  # noqa: PLC0415

            self.client, self.models = RestClientPE(cast.base_url), models_pe
            self.client.login("maker@deedbox.test", PASSWORD)

    def __getattr__(self, name: str) -> Any:
        call = checked(getattr(self.client, name))

        def calling(*arguments: Any) -> Any:
            # 4.3 prints a warning for each field that only 4.4 knows.
            with contextlib.redirect_stdout(sys.stderr):
                return call(*arguments)

        return calling

    def role(self, name: str, permissions: Any) -> Any:
        """Make a role, of the type that its permissions have."""
        role_type = "GENERIC" if isinstance(permissions, dict) else "GROUP"
        return self.save_role(self.models.Role(name=name, type=role_type, permissions=permissions))

    def group(self, name: str, group_type: str, owner: Any, *ids: str) -> Any:
        """Make a group with these things in it."""
        wanted = self.models.EntityGroup(name=name, type=group_type, owner_id=owner)
        made = self.save_entity_group(wanted)
        self.add_entities_to_entity_group(made.id, list(ids))
        return made


def claimers(cast: Cast) -> None:
    """The default role without claiming, and a group of the stranger's with it."""
    maker = _Flavour(cast)
    device = cast.maker.save_device(new_device(cast.maker, _DEVICE))
    default = next(it for it in maker.get_roles(10, 0).data if it.name == "Customer User")
    default.permissions = default.permissions | {"DEVICE": ["READ", "READ_TELEMETRY"]}
    changed = maker.save_role(default)
    cast.gadget(device).post("claim")
    without = cast.claim(cast.stranger, _DEVICE, None)
    role = maker.role("Claiming", {"DEVICE": ["CLAIM_DEVICES"]})
    person = cast.stranger.get_user()
    group = maker.group("Claimers", "USER", cast.strangers.id, person.id.id)
    wanted = maker.models.GroupPermission(user_group_id=group.id, role_id=role.id)
    given = maker.save_group_permission(wanted)
    page = maker.get_entities(group.id, 10, 0)
    say(
        "claimers",
        kinds=[kind(it) for it in (changed, role, group, given, page)],
        without=without,
        members=[it.name for it in page.data],
        claimed=cast.claim(cast.stranger, _DEVICE, None)["response"],
    )
    maker.delete_group_permission(given.id)
    say("claimers no more", reclaim=refused(lambda: cast.stranger.re_claim_device(_DEVICE)))
    maker.delete_role(changed.id)
    cast.stranger.re_claim_device(_DEVICE)


def shared_group(cast: Cast) -> None:
    """A group of the maker's devices, for all of the owner's people to look at."""
    maker, device = _Flavour(cast), cast.maker.get_tenant_device(_DEVICE)
    tenant = cast.maker.get_user().tenant_id
    shown = maker.group("Shown", "DEVICE", tenant, device.id.id)
    everybody = maker.get_entity_group_all_by_owner_and_type("CUSTOMER", cast.owners.id, "USER")
    before = refused(lambda: cast.owner.get_device_by_id(device.id))
    given = maker.save_group_permission(
        maker.models.GroupPermission(
            user_group_id=everybody.id, role_id=maker.role("Looking", ["READ"]).id, entity_group_id=shown.id
        )
    )
    say(
        "shared group",
        kinds=[kind(everybody), kind(given), kind(maker.get_allowed_permissions())],
        all=[everybody.name, everybody.group_all],
        before=before,
        seen=cast.owner.get_device_by_id(device.id).name,
        devices=[it.name for it in maker.get_devices_by_entity_group_id(shown.id, 10, 0).data],
    )
    maker.delete_entity_group(shown.id)
    say("no shared group", after=refused(lambda: cast.owner.get_device_by_id(device.id)))
    cast.maker.delete_device(device.id)
