"""Limits as people write them: what is understood, what is refused and how, and which ones count."""

import pytest

from deedbox.core.device_limits import DeviceLimits, TenantLimits, checked
from deedbox.core.errors import InvalidValue
from deedbox.core.limits_in_force import LimitsInForce, in_force
from deedbox.core.rates import MOST_RATES, Rate, limit_text, rates_from
from deedbox.core.tenant_profiles import ProfileLimits

UNDERSTOOD = [
    ("", ()),
    ("  ", ()),
    (",", ()),
    ("10:1", (Rate(10, 1_000),)),
    ("10:1,", (Rate(10, 1_000),)),
    ("10:1,300:60,", (Rate(10, 1_000), Rate(300, 60_000))),
    (" 10 : 1 , 300:60 ", (Rate(10, 1_000), Rate(300, 60_000))),
    ("007:60", (Rate(7, 60_000),)),
    ("1000000000:31622400", (Rate(10**9, 31_622_400_000),)),
]

REFUSED = [
    "10",
    "10:",
    ":1",
    ":",
    "0:1",
    "10:0",
    "0:0",
    "-1:1",
    "+1:1",
    "1.5:1",
    "1e3:1",
    "ten:1",
    "10:1:5",
    "10:1;300:60",
    "10 1",
    "1_0:1",
    "१:1",
    "1000000001:1",
    "1:31622401",
    "9" * 5_000 + ":1",
    "10:1,20:1",
    ",".join(f"1:{seconds}" for seconds in range(1, MOST_RATES + 2)),
]


@pytest.mark.parametrize(("text", "rates"), UNDERSTOOD)
def test_what_is_understood(text: str, rates: tuple[Rate, ...]) -> None:
    """Thingsboard §3.3: count:seconds pairs, a comma at the end or not; empty is unlimited."""
    assert rates_from(text) == rates
    assert rates_from(limit_text(text)) == rates


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_limit_is_refused_with_the_form(text: str) -> None:
    """Behaviour §7: what was wrong and what is expected, and no wall of text."""
    with pytest.raises(ValueError, match="COUNT:SECONDS") as caught:
        rates_from(text)
    assert len(str(caught.value)) < 250


def test_a_limit_is_kept_without_what_means_nothing() -> None:
    assert limit_text(" 10:1 , 300:060,, ") == "10:1,300:60"


def test_a_tenants_own_limit_comes_before_its_profiles_and_that_before_the_deployments() -> None:
    deployment = DeviceLimits(device_messages="10:1", tenant_messages="100:1", tenant_connections=5)
    profile = ProfileLimits(tenant_messages="50:1", gateway_messages="7:1", tenant_connections=0, inflight=3)
    own = TenantLimits(device_messages="", gateway_messages="8:1")
    assert in_force(own, profile, deployment) == LimitsInForce(
        tenant_messages="50:1", gateway_messages="8:1", inflight=3
    )
    assert in_force(TenantLimits(), ProfileLimits(), deployment) == LimitsInForce(
        device_messages="10:1", tenant_messages="100:1", tenant_connections=5
    )


def test_a_refusal_names_the_field_as_people_know_it() -> None:
    names = {"device_messages": "transportDeviceMsgRateLimit", "tenant_messages": "other"}
    assert checked({"device_messages": "10:1,", "tenant_messages": None}, names) == {
        "device_messages": "10:1",
        "tenant_messages": None,
    }
    with pytest.raises(InvalidValue, match="transportDeviceMsgRateLimit must be COUNT:SECONDS") as caught:
        checked({"device_messages": "many"}, names)
    assert caught.value.pointer == "/transportDeviceMsgRateLimit"
