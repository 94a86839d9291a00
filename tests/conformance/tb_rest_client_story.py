"""The claim story told with ThingsBoard's own Python client of either generation; prints what it saw.

Runs in the client's environment: BASE_URL and ADMINISTRATOR_EMAIL on the command line, the
administrator's password in STORY_PASSWORD. Each step is a line of JSON; nothing is judged here.
"""

import json
import os
import sys
import time
from concurrent.futures import Future
from typing import Any

from tests.conformance.gadget import WAIT_S, Gadget
from tests.conformance.tb_rest_client_cast import Cast, kind, refused, say
from tests.conformance.tb_rest_client_generation import VERSION, models, new_device
from tests.conformance.tb_rest_client_groups import claimers, shared_group
from tests.conformance.tb_rest_client_lists import (
    device_infos,
    find_entities,
    name_keys,
    several_histories,
    speak_for_a_device,
)
from tests.conformance.tb_rest_client_places import places, relations, without_places

# A name that clients must percent-encode to put it into an address.
DEVICE = "Gadget 1/ä"
HOUR_MS = 3_600_000
BUCKET_START_MS = 1_700_000_000_000


def sign_in(cast: Cast) -> None:
    """The administrator signs in and refreshes; a wrong password gets nowhere."""
    before = cast.administrator.get_user()
    cast.administrator.refresh()
    after = cast.administrator.get_user()
    say(
        "administrator",
        user=kind(before),
        authority=before.authority,
        same_after_refresh=before.id.id == after.id.id,
    )
    nobody = cast.sign_in(before.email, "not the password")
    say("wrong password", token=nobody.get_token(), then=refused(nobody.get_user))


def people(cast: Cast) -> None:
    """A tenant with its administrator, two customers with a user each."""
    tenant = cast.administrator.save_tenant(models.Tenant(title="Gadget Works"))
    say("tenant", tenant=kind(tenant), title=tenant.title, profile=kind(tenant.tenant_profile_id))
    maker = models.User(email="maker@deedbox.test", authority="TENANT_ADMIN", tenant_id=tenant.id)
    cast.maker = cast.invite(cast.administrator, maker)
    cast.owners, cast.owner = cast.new_customer("Owners", "owner@deedbox.test")
    cast.strangers, cast.stranger = cast.new_customer("Strangers", "stranger@deedbox.test")
    everybody = cast.maker.get_users(10, 0)
    guests = cast.maker.get_customer_users(cast.owners.id, 10, 0)
    say(
        "users",
        kind=kind(everybody),
        everybody=sorted(user.email for user in everybody.data),
        guests=[user.email for user in guests.data],
        more=guests.has_next,
    )


def make_a_device(cast: Cast) -> None:
    """A device in the default profile; the server gives it a token."""
    profile = cast.maker.get_default_device_profile_info()
    cast.device = cast.maker.save_device(new_device(cast.maker, DEVICE))
    named = cast.maker.get_tenant_device(DEVICE)
    say(
        "device",
        kind=kind(cast.device),
        name=cast.device.name,
        customer=cast.device.customer_id.id,
        in_default_profile=cast.device.device_profile_id.id == profile.id.id,
        found_by_name=named.id.id == cast.device.id.id,
    )


def devices_with_own_tokens(cast: Cast) -> None:
    """Two more devices, whose tokens the maker chose."""
    second = cast.maker.save_device(new_device(cast.maker, "Gadget 2"), access_token="token-2")
    credentials = models.DeviceCredentials(credentials_type="ACCESS_TOKEN", credentials_id="token-3")
    request = models.SaveDeviceWithCredentialsRequest(
        device=new_device(cast.maker, "Gadget 3"), credentials=credentials
    )
    third = cast.maker.save_device_with_credentials(request)
    found = [cast.maker.get_device_credentials_by_device_id(each.id) for each in (second, third)]
    say(
        "own tokens",
        kinds=[kind(each) for each in (second, third, *found)],
        tokens=[each.credentials_id for each in found],
    )
    second.label = "the second"
    say("label", label=cast.maker.save_device(second).label)


def list_devices(cast: Cast) -> None:
    """The maker's lists."""
    page = cast.maker.get_tenant_devices(10, 0, text_search="gadget", sort_property="name")
    infos = cast.maker.get_tenant_device_infos(10, 0)
    say(
        "lists",
        kinds=[kind(page), kind(infos)],
        names=[each.name for each in page.data],
        total=page.total_elements,
        infos=sorted(each.name for each in infos.data),
        types=[each.type for each in cast.maker.get_device_types()],
    )


def claim(cast: Cast) -> None:
    """The device offers itself; who knows the key gets it, once."""
    key = {"secretKey": "value", "durationMs": 60_000}
    say("announced", status=cast.gadget(cast.device).post("claim", key))
    say(
        "refused claims",
        wrong_key=cast.claim(cast.stranger, DEVICE, "wrong"),
        unknown_device=cast.claim(cast.stranger, "No such gadget", "value"),
        by_the_maker=cast.claim(cast.maker, DEVICE, "value"),
    )
    answer = cast.claim(cast.owner, DEVICE, "value")
    say(
        "claimed",
        answer=answer,
        customer=cast.owners.id.id,
        seen_by_maker=cast.customer_of(cast.device),
    )
    say("claimed again", answer=cast.claim(cast.owner, DEVICE, "value"))


def claim_without_a_key(cast: Cast) -> None:
    """A device may offer itself without a key; the claim has no body then."""
    announced = Gadget(cast.base_url, "token-2").post("claim")
    say(
        "claimed without a key",
        announced=announced,
        answer=cast.owner.claim_device_by_name("Gadget 2"),
    )
    page = cast.owner.get_customer_devices(cast.owners.id, 10, 0)
    infos = cast.owner.get_customer_device_infos(cast.owners.id, 10, 0)
    say(
        "owned",
        kinds=[kind(page), kind(infos)],
        names=sorted(each.name for each in page.data),
        infos=sorted(each.name for each in infos.data),
    )


def report(cast: Cast) -> None:
    """The device reports time series and attributes."""
    gadget = cast.gadget(cast.device)
    levels = [{"ts": BUCKET_START_MS + late, "values": {"level": late}} for late in (0, 10)]
    statuses = [
        gadget.post("telemetry", {"temperature": 21.5, "on": True, "note": "x"}),
        gadget.post("telemetry", levels),
        gadget.post("attributes", {"firmware": "v1.0", "slots": {"free": 2}}),
    ]
    say("reported", statuses=statuses)


def read(cast: Cast) -> None:
    """The owner reads the latest values and the attributes."""
    device = cast.device.id
    latest = cast.owner.get_latest_timeseries(device, keys="temperature,on,note")
    strict = cast.owner.get_latest_timeseries(device, keys="on", use_strict_data_types=True)
    say(
        "latest values",
        kinds=[kind(latest["on"][0]), kind(latest["on"][0].ts)],
        values={key: points[0].value for key, points in latest.items()},
        strict=strict["on"][0].value,
        keys=sorted(cast.owner.get_timeseries_keys_v1(device)),
    )
    attributes = cast.owner.get_attributes_by_scope(device, "CLIENT_SCOPE")
    say(
        "attributes",
        kinds=[kind(attributes[0]), kind(attributes[0].last_update_ts)],
        values={each.key: each.value for each in attributes},
        keys=sorted(cast.owner.get_attribute_keys_by_scope(device, "CLIENT_SCOPE")),
    )


def read_history(cast: Cast) -> None:
    """The owner reads a second of history, aggregated in each way."""
    window = (cast.device.id, BUCKET_START_MS, BUCKET_START_MS + 1000)
    points = {}
    for aggregation in ("NONE", "MIN", "MAX", "AVG", "SUM", "COUNT"):
        history = cast.owner.get_timeseries(*window, keys="level", agg=aggregation, interval=1000)
        points[aggregation] = [[point.ts, point.value] for point in history["level"]]
    say("history", start=BUCKET_START_MS, points=points)


def share_an_attribute(cast: Cast) -> None:
    """The owner writes a shared attribute; the device hears it in its long poll."""
    gadget = cast.gadget(cast.device)
    polled = cast.pool.submit(gadget.wait_for, "attributes/updates")
    heard = write_until_heard(cast, polled)
    asked = gadget.attributes(sharedKeys="interval", clientKeys="firmware")
    say("shared attribute", heard=heard, asked=asked)


def write_until_heard(cast: Cast, polled: "Future[dict[str, Any]]") -> dict[str, Any]:
    """Write a new value each second: the device may still be on its way to its first poll."""
    for interval in range(1, WAIT_S):
        body = {"interval": interval}
        cast.owner.save_device_attributes(cast.device.id, "SHARED_SCOPE", body)
        try:
            return polled.result(timeout=1)
        except TimeoutError:
            continue
    return polled.result(timeout=0)


def command(cast: Cast) -> None:
    """The owner sends commands; the device answers the one that wants an answer."""
    gadget, owner, device = cast.gadget(cast.device), cast.owner, cast.device.id
    say("no command yet", status=gadget.poll("rpc", timeout_ms=1).status_code)
    heard = cast.pool.submit(gadget.answer_one_command, {"lamp": "on"})
    request = {"method": "setLamp", "params": {"on": True}, "timeout": 30_000}
    answer = owner.handle_two_way_device_rpc_request_v1(device, request)
    say("two-way command", answer=answer, heard=heard.result())
    heard = cast.pool.submit(gadget.wait_for, "rpc")
    request = {"method": "beep", "params": [1, 2], "timeout": 30_000}
    answer = owner.handle_one_way_device_rpc_request(device, request)
    say("one-way command", answer=answer, heard=heard.result())


def give_back(cast: Cast) -> None:
    """The owner gives the device back and is shut out; the stranger was never let in."""
    say("stranger", **what_they_are_refused(cast, cast.stranger))
    answer = cast.owner.re_claim_device(DEVICE)
    say("given back", answer=answer, seen_by_maker=cast.customer_of(cast.device))
    say("former owner", **what_they_are_refused(cast, cast.owner))
    page = cast.owner.get_customer_devices(cast.owners.id, 10, 0)
    status = cast.gadget(cast.device).post("telemetry", {"temperature": 1})
    say("afterwards", names=[each.name for each in page.data], device_may_report=status)


def what_they_are_refused(cast: Cast, who: Any) -> dict[str, Any]:
    """What the server says to somebody whose customer does not own the device."""
    device, beep = cast.device.id, {"method": "beep", "params": {}}
    return {
        "device": refused(lambda: who.get_device_by_id(device)),
        "telemetry": refused(lambda: who.get_latest_timeseries(device)),
        "attributes": refused(lambda: who.get_attributes(device)),
        "write": refused(lambda: who.save_device_attributes(device, "SHARED_SCOPE", {"a": 1})),
        "rpc": refused(lambda: who.handle_two_way_device_rpc_request_v1(device, beep)),
        "reclaim": refused(lambda: who.re_claim_device(DEVICE)),
    }


def keys_from_the_server(cast: Cast) -> None:
    """The maker sets the key, in every form that the attribute may have."""
    expires_at = int(time.time() * 1000) + HOUR_MS
    forms: dict[str, Any] = {
        "number": {"secretKey": "number", "expirationTime": expires_at},
        "numeric string": {"secretKey": "numeric string", "expirationTime": str(expires_at)},
    }
    forms["text"] = json.dumps({"secretKey": "text", "expirationTime": str(expires_at)})
    for form, value in forms.items():
        body = {"claimingData": value}
        cast.maker.save_device_attributes(cast.device.id, "SERVER_SCOPE", body)
        answer = cast.claim(cast.stranger, DEVICE, form)
        attributes = cast.stranger.get_attributes_by_scope(cast.device.id, "SERVER_SCOPE")
        say(f"key as {form}", answer=answer, visible=[each.key for each in attributes])
        cast.stranger.re_claim_device(DEVICE)


def plain(value: Any) -> Any:
    """A value as JSON shows it; the name of what went wrong where the client hands back a mistake."""
    return kind(value) if isinstance(value, Exception) else value


def bulk_import(cast: Cast) -> None:
    """A file of devices with their keys, as a maker would send it."""
    key = {"secretKey": "in the box", "expirationTime": str(int(time.time() * 1000) + HOUR_MS)}
    quoted = json.dumps(key).replace('"', '""')
    file = f'name,type,token,key\nBoxed 1,boxed,token-4,"{quoted}"\nBoxed 2,boxed,,\n'
    columns = [models.ColumnMapping(type=each) for each in ("NAME", "TYPE", "ACCESS_TOKEN")]
    columns.append(models.ColumnMapping(type="SERVER_ATTRIBUTE", key="claimingData"))
    mapping = models.Mapping(columns=columns, delimiter=",", update=True, header=True)
    result = cast.maker.process_devices_bulk_import(models.BulkImportRequest(file=file, mapping=mapping))
    say(
        "imported",
        kind=kind(result),
        counts=[plain(it) for it in (result.created, result.updated, result.errors)],
        problems=result.errors_list,
        type=cast.maker.get_tenant_device("Boxed 2").type,
        device_may_report=Gadget(cast.base_url, "token-4").post("telemetry", {"a": 1}),
        with_key=cast.claim(cast.owner, "Boxed 1", "in the box"),
        without_key=cast.claim(cast.owner, "Boxed 2", "in the box"),
    )


def assign(cast: Cast) -> None:
    """The maker gives a device to a customer and takes it back."""
    device = cast.maker.get_tenant_device("Gadget 3")
    given = cast.maker.assign_device_to_customer(cast.strangers.id, device.id)
    seen = cast.stranger.get_device_by_id(device.id)
    taken = cast.maker.unassign_device_from_customer(device.id)
    say(
        "assigned",
        kinds=[kind(given), kind(seen), kind(taken)],
        to_the_customer=given.customer_id.id == cast.strangers.id.id,
        afterwards=taken.customer_id.id,
        shut_out=refused(lambda: cast.stranger.get_device_by_id(device.id)),
    )


def audit(cast: Cast) -> None:
    """Who owned the device, as the maker reads it afterwards."""
    oldest_first = {"sort_property": "createdTime", "sort_order": "ASC"}
    for action in ("ASSIGNED_TO_CUSTOMER", "UNASSIGNED_FROM_CUSTOMER"):
        page = cast.maker.get_audit_logs_by_entity_id(
            cast.device.id, 10, 0, action_types=action, **oldest_first
        )
        first = page.data[0]
        say(
            action,
            kinds=[kind(page), kind(first), kind(first.created_time)],
            users=[each.user_name for each in page.data],
            about=[first.entity_name, first.action_type, first.action_status],
            data=first.action_data,
            customer=cast.owners.id.id,
            device=cast.device.id.id,
        )


def audit_refusals(cast: Cast) -> None:
    """What was refused, under actions that this client has no name for."""
    cast.maker.assign_device_to_customer(cast.owners.id, cast.device.id)
    cast.gadget(cast.device).post("claim")
    cast.claim(cast.stranger, DEVICE, "guess")
    for action in ("ANNOUNCE_DEVICE", "CLAIM_DEVICE"):
        newest_first = {"sort_property": "createdTime", "sort_order": "DESC"}
        page = cast.maker.get_audit_logs(10, 0, action_types=action, **newest_first)
        first = page.data[0]
        if isinstance(first, Exception):  # 4.3 takes the actions that it knows and no others
            say(f"refused {action}", kinds=[kind(page), kind(first)])
            continue
        say(
            f"refused {action}",
            kinds=[kind(page), kind(first), kind(first.created_time)],
            about=[first.entity_name, first.user_name, first.action_type, first.action_status],
            why=first.action_failure_details,
        )


def sign_out(cast: Cast) -> None:
    """Signed out is signed out."""
    cast.maker.logout()
    say("signed out", then=refused(cast.maker.get_user))


CHAPTERS = (
    *(sign_in, people, make_a_device, devices_with_own_tokens, list_devices),
    *(claim, claim_without_a_key, report, read, read_history, share_an_attribute, command),
    *(device_infos, find_entities, name_keys, speak_for_a_device, several_histories),
    *(places, relations, without_places, claimers, shared_group),
    *(give_back, keys_from_the_server, bulk_import, assign, audit, audit_refusals, sign_out),
)


def main() -> None:
    """Tell the whole story to the server that the command line names."""
    say("client", version=VERSION)
    cast = Cast(sys.argv[1], sys.argv[2], os.environ["STORY_PASSWORD"])
    for chapter in CHAPTERS:
        chapter(cast)


if __name__ == "__main__":
    main()
