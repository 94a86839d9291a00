"""ThingsBoard's own Python client, tb-rest-client 4.3 and 4.4 as published, lives through the claim story.

Each runs in an environment of its own (`make .venv-conformance/tb-rest-client-4.3`), tells what it
saw, and this file judges. Types are compared too: a client may hand back an error as a value.
"""

import pytest

from tests.conformance.told_story import DEVICE, FORBIDDEN, NOBODY, NOT_FOUND, SHUT_OUT, Story, assert_error


def test_the_story_comes_to_its_end(story: Story, generation: str) -> None:
    """Nothing raised in the client that the story did not expect (thingsboard §16)."""
    assert story.exit_code == 0, story.complaints
    assert story["client"] == {"version": generation}


def test_signs_in_and_refreshes(story: Story) -> None:
    """Signing in, refreshing and a wrong password (thingsboard §6.3)."""
    assert story["administrator"] == {
        "user": "User",
        "authority": "SYS_ADMIN",
        "same_after_refresh": True,
    }
    assert story["wrong password"]["token"] is None
    assert_error(story["wrong password"]["then"], 401, 10)


def test_signs_out(story: Story) -> None:
    """A token that was signed out is no token (thingsboard §6.3)."""
    assert_error(story["signed out"]["then"], 401, 10)


@pytest.mark.parametrize(
    ("email", "authority"),
    [
        ("maker@deedbox.test", "TENANT_ADMIN"),
        ("owner@deedbox.test", "CUSTOMER_USER"),
        ("stranger@deedbox.test", "CUSTOMER_USER"),
    ],
)
def test_activates_a_user_through_the_link(story: Story, email: str, authority: str) -> None:
    """The link leads to this server and works once (thingsboard §6.3, §6.5)."""
    seen = story[f"invited {email}"]
    assert (seen["user"], seen["authority"]) == ("User", authority)
    assert seen["link"].startswith(f"{story.base_url}/api/noauth/activate?activateToken=")
    assert seen["pair"] == ["JwtPair", "str", "str"]
    assert_error(seen["again"], 400, 31)


def test_creates_tenant_customers_and_users(story: Story) -> None:
    """A tenant needs a title only, its profile is the server's business (thingsboard §6.5)."""
    assert story["tenant"] == {
        "tenant": "Tenant",
        "title": "Gadget Works",
        "profile": "TenantProfileId",
    }
    assert story["users"] == {
        "kind": "PageDataUser",
        "everybody": ["maker@deedbox.test", "owner@deedbox.test", "stranger@deedbox.test"],
        "guests": ["owner@deedbox.test"],
        "more": False,
    }


def test_creates_a_device(story: Story) -> None:
    """Unowned is the null UUID, never null (thingsboard §6.4)."""
    assert story["device"] == {
        "kind": "Device",
        "name": DEVICE,
        "customer": NOBODY,
        "in_default_profile": True,
        "found_by_name": True,
    }


def test_chooses_tokens(story: Story) -> None:
    """In the query, and with the credentials beside the device (thingsboard §6.4)."""
    assert story["own tokens"] == {
        "kinds": ["Device", "Device", "DeviceCredentials", "DeviceCredentials"],
        "tokens": ["token-2", "token-3"],
    }
    assert story["label"] == {"label": "the second"}


def test_lists_devices(story: Story) -> None:
    """The search ignores case; names sort ascending by default (thingsboard §6.4)."""
    names = [DEVICE, "Gadget 2", "Gadget 3"]
    assert story["lists"] == {
        "kinds": ["PageDataDevice", "PageDataDeviceInfo"],
        "names": names,
        "total": 3,
        "infos": names,
        "types": ["default"],
    }


def test_claims_with_the_announced_key(story: Story) -> None:
    """The owner gets it, once (behaviour §2, §4; thingsboard §11, scenario S)."""
    assert story["announced"]["status"] == 200
    seen = story["claimed"]
    assert seen["answer"]["response"] == "SUCCESS"
    assert seen["answer"]["device"]["name"] == DEVICE
    owner = {"entityType": "CUSTOMER", "id": seen["customer"]}
    assert seen["answer"]["device"]["customerId"] == owner
    assert seen["seen_by_maker"] == seen["customer"]
    assert story["claimed again"]["answer"] == {"status": 400, "body": "CLAIMED"}


def test_refuses_claims(story: Story) -> None:
    """A stranger's guess does not cost the owner the claim that follows it (behaviour §4)."""
    seen = story["refused claims"]
    assert seen["wrong_key"] == {"status": 400, "body": "FAILURE"}
    assert_error(seen["unknown_device"], **NOT_FOUND)
    assert_error(seen["by_the_maker"], **FORBIDDEN)


def test_claims_without_a_key(story: Story) -> None:
    """No body at all is an empty key, whatever its content type says (behaviour §4)."""
    seen = story["claimed without a key"]
    assert seen["announced"] == 200
    assert seen["answer"]["response"] == "SUCCESS"
    names = [DEVICE, "Gadget 2"]
    assert story["owned"] == {
        "kinds": ["PageDataDevice", "PageDataDeviceInfo"],
        "names": names,
        "infos": names,
    }


def test_reads_what_the_device_reports(story: Story) -> None:
    """Values are text unless strict types are asked for (thingsboard §6.7)."""
    assert story["reported"]["statuses"] == [200, 200, 200]
    assert story["latest values"] == {
        "kinds": ["TsData", "int"],
        "values": {"temperature": "21.5", "on": "true", "note": "x"},
        "strict": True,
        "keys": ["level", "note", "on", "temperature"],
    }
    assert story["attributes"] == {
        "kinds": ["AttributeData", "int"],
        "values": {"firmware": "v1.0", "slots": {"free": 2}},
        "keys": ["firmware", "slots"],
    }


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [("MIN", "0"), ("MAX", "10"), ("AVG", "5.0"), ("SUM", "10"), ("COUNT", "2")],
)
def test_aggregates(story: Story, aggregation: str, value: str) -> None:
    """An aggregate stands in the middle of its interval (thingsboard §6.7)."""
    seen = story["history"]
    assert seen["points"][aggregation] == [[seen["start"] + 500, value]]


def test_reads_history_newest_first(story: Story) -> None:
    """Without an aggregation the newest point comes first (thingsboard §6.7)."""
    seen = story["history"]
    assert seen["points"]["NONE"] == [[seen["start"] + 10, "10"], [seen["start"], "0"]]


def test_shares_an_attribute(story: Story) -> None:
    """The owner writes it, the device hears it and may ask (behaviour §5, thingsboard §3.3)."""
    heard, asked = (story["shared attribute"][each] for each in ("heard", "asked"))
    assert heard.keys() == {"interval"}
    assert asked["client"] == {"firmware": "v1.0"}
    assert asked["shared"]["interval"] >= heard["interval"]


def test_sends_commands(story: Story) -> None:
    """The poll that hears nothing ends with 408 (thingsboard §6.7)."""
    assert story["no command yet"]["status"] == 408
    seen = story["two-way command"]
    assert seen["answer"] == {"lamp": "on"}
    assert (seen["heard"]["method"], seen["heard"]["params"]) == ("setLamp", {"on": True})
    assert isinstance(seen["heard"]["id"], int)
    assert seen["heard"]["replied"] == 200
    seen = story["one-way command"]
    assert seen["answer"] is None
    assert (seen["heard"]["method"], seen["heard"]["params"]) == ("beep", [1, 2])


def test_gives_the_device_back(story: Story) -> None:
    """The device is nobody's again and reports on (behaviour §5)."""
    assert story["given back"] == {"answer": None, "seen_by_maker": NOBODY}
    assert story["afterwards"] == {"names": ["Gadget 2"], "device_may_report": 200}


@pytest.mark.parametrize("who", ["stranger", "former owner"])
@pytest.mark.parametrize("what", ["device", "telemetry", "attributes", "write", "rpc"])
def test_shuts_out(story: Story, who: str, what: str) -> None:
    """The old owner's access ends with the deed (behaviour §5.4, thingsboard §5.6)."""
    assert story[who][what]["status"] in SHUT_OUT, story[who][what]


@pytest.mark.parametrize("who", ["stranger", "former owner"])
def test_reclaims_what_is_owned_only(story: Story, who: str) -> None:
    """Anybody but the owner and the maker gets 404 (behaviour §5.1)."""
    assert_error(story[who]["reclaim"], **NOT_FOUND)


@pytest.mark.parametrize("form", ["number", "numeric string", "text"])
def test_claims_with_a_key_from_the_server(story: Story, form: str) -> None:
    """The customer never sees the key (behaviour §3, thingsboard §4)."""
    seen = story[f"key as {form}"]
    assert seen["answer"]["response"] == "SUCCESS"
    assert "claimingData" not in seen["visible"]


def test_claims_what_a_bulk_import_brought(story: Story, generation: str) -> None:
    """Keys come in the file, quoted as CSV wants it (behaviour §3, thingsboard §6.8)."""
    seen = story["imported"]
    assert seen["kind"] == "BulkImportResultDevice"
    # 4.3 does not understand its own numbers: it takes each for a list.
    assert seen["counts"] == (["TypeError"] * 3 if generation == "4.3" else [2, 0, 0])
    assert seen["problems"] == []
    assert seen["type"] == "boxed"
    assert seen["device_may_report"] == 200
    assert seen["with_key"]["response"] == "SUCCESS"
    assert seen["without_key"] == {"status": 400, "body": "FAILURE"}


def test_assigns_and_unassigns(story: Story) -> None:
    """4.4 asks for it by changing the device's owner, 4.3 by assigning (behaviour §5.6)."""
    seen = story["assigned"]
    assert seen["kinds"] == ["Device", "Device", "Device"]
    assert seen["to_the_customer"] is True
    assert seen["afterwards"] == NOBODY
    assert seen["shut_out"]["status"] in SHUT_OUT


@pytest.mark.parametrize(
    ("action", "prefix"),
    [("ASSIGNED_TO_CUSTOMER", "assigned"), ("UNASSIGNED_FROM_CUSTOMER", "unassigned")],
)
def test_audits_every_change_of_owner(story: Story, action: str, prefix: str) -> None:
    """By the owner once, by the stranger three times (behaviour §4.5, thingsboard §5.7)."""
    seen = story[action]
    assert seen["kinds"] == ["PageDataAuditLog", "AuditLog", "int"]
    assert seen["users"] == ["owner@deedbox.test", *["stranger@deedbox.test"] * 3]
    assert seen["about"] == [DEVICE, action, "SUCCESS"]
    known = {
        "entityId": seen["device"],
        f"{prefix}CustomerId": seen["customer"],
        f"{prefix}CustomerName": "Owners",
    }
    assert seen["data"].items() >= known.items()


@pytest.mark.parametrize(
    ("action", "who", "why"),
    [
        ("ANNOUNCE_DEVICE", DEVICE, "owned"),
        ("CLAIM_DEVICE", "stranger@deedbox.test", "device has an owner"),
    ],
)
def test_audits_refusals(story: Story, generation: str, action: str, who: str, why: str) -> None:
    """Actions that only Deedbox has do not break the client (behaviour §2.5, §6.4)."""
    seen = story[f"refused {action}"]
    if generation == "4.3":  # such entries are mistakes to it, among others that it reads well
        assert seen["kinds"] == ["PageDataAuditLog", "ValueError"]
        return
    assert seen["kinds"] == ["PageDataAuditLog", "AuditLog", "int"]
    assert seen["about"] == [DEVICE, who, action, "FAILURE"]
    assert seen["why"] == why
