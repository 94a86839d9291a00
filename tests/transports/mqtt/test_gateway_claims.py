"""Offers that gateways make for their devices: many in one message, each decided for itself."""

import pytest

from deedbox.core.claim_requests import Answer
from deedbox.testing.claim_scene import ACME, ALICE, BOB, Person
from deedbox.transports.mqtt.reasons import Reason
from tests.transports.mqtt.gateway_site import CLAIM, CONNECT, GatewaySite, acknowledged, told

LEVELS = pytest.mark.parametrize("level", [3, 4, 5])
KEY = {"secretKey": "value", "durationMs": 60_000}


async def claimed(site: GatewaySite, name: str, key: str = "", person: Person = ALICE) -> Answer:
    """Let somebody claim a device and return the answer."""
    return (await site.scene.claim(person, await site.made(name), key)).answer


@LEVELS
async def test_scenario_s(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §11: testGatewayClaimingDevice."""
    gateway = await gateway_site.connected(level)
    await gateway.publish(CLAIM, {"A": {"secretKey": "value", "durationMs": 1}})
    gateway_site.joined.sqlite.now_ms += 2
    assert await claimed(gateway_site, "A", "value") is Answer.FAILURE
    assert acknowledged(await gateway.publish(CLAIM, {"A": KEY})).reason == 0
    assert await claimed(gateway_site, "A", "value") is Answer.SUCCESS
    assert (await gateway_site.made("A")).customer_id == ACME
    assert await claimed(gateway_site, "A", "value") is Answer.CLAIMED


@LEVELS
async def test_scenario_s_without_secret_and_duration(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §11: testGatewayClaimingDeviceWithoutSecretAndDuration."""
    gateway = await gateway_site.connected(level)
    await gateway.publish(CLAIM, {"A": {"durationMs": 1}})
    gateway_site.joined.sqlite.now_ms += 2
    assert await claimed(gateway_site, "A") is Answer.FAILURE
    assert acknowledged(await gateway.publish(CLAIM, {"A": {}})).reason == 0
    assert await claimed(gateway_site, "A") is Answer.SUCCESS
    assert await claimed(gateway_site, "A") is Answer.CLAIMED


async def test_many_devices_in_one_message(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    got = await gateway.publish(CLAIM, {f"d{it}": {"secretKey": f"k{it}"} for it in range(1_000)})
    assert (acknowledged(got).reason, told(got)) == (0, {"accepted": 1_000, "refused": {}})
    assert acknowledged(got).properties.user_properties == (("accepted", "1000"), ("refused", "{}"))
    assert await claimed(gateway_site, "d999", "k999") is Answer.SUCCESS
    assert await claimed(gateway_site, "d0", "k999") is Answer.FAILURE


async def test_forms_that_real_clients_send(gateway_site: GatewaySite) -> None:
    """Thingsboard §2.1, §12: durations as text; keys that are numbers stay as they were written."""
    gateway = await gateway_site.connected()
    await gateway.publish(CLAIM, b'{"A": {"secretKey": 007.50, "durationMs": "60000"}, B: {secretKey: 1e3}}')
    assert await claimed(gateway_site, "A", "007.50") is Answer.SUCCESS
    assert await claimed(gateway_site, "B", "1e3") is Answer.SUCCESS


@LEVELS
async def test_entries_are_refused_for_themselves(gateway_site: GatewaySite, level: int) -> None:
    """Behaviour §2.5, §2.8: what is refused costs the others nothing."""
    gateway = await gateway_site.connected(level)
    await gateway.publish(CLAIM, {"A": KEY, "B": KEY})
    await claimed(gateway_site, "A", "value")
    await gateway_site.joined.sqlite.set_blocked((await gateway_site.made("B")).id, True)
    got = await gateway.publish(CLAIM, {"A": KEY, "B": KEY, "C": KEY})
    assert acknowledged(got).reason == 0
    if level == 5:
        assert told(got) == {"accepted": 1, "refused": {"A": "owned", "B": "blocked"}}
    assert await claimed(gateway_site, "C", "value") is Answer.SUCCESS


async def test_the_tenant_hears_of_each_refusal_once(gateway_site: GatewaySite) -> None:
    """Behaviour §2.5: one event per state, however many devices a message names."""
    gateway = await gateway_site.connected()
    names = [f"d{it}" for it in range(5)]
    await gateway.publish(CLAIM, dict.fromkeys(names, KEY))
    for name in names[:4]:
        await claimed(gateway_site, name, "value")
    for _ in range(2):
        await gateway.publish(CLAIM, dict.fromkeys(names, KEY))
    events = await gateway_site.joined.sqlite.events(gateway_site.gateway.tenant_id)
    assert [it.type for it in events].count("device.announcement_refused") == 4


@pytest.mark.parametrize("level", [4, 5])
async def test_a_bad_entry_costs_itself_only(gateway_site: GatewaySite, level: int) -> None:
    """Thingsboard §3.1: 0x99, before MQTT 5 the end; the others are stored."""
    gateway = await gateway_site.connected(level)
    got = await gateway.publish(CLAIM, {"A": {"secretKey": None}, "B": KEY, "C": {"durationMs": "soon"}})
    assert gateway.ended() == (None if level == 5 else -1)
    if level == 5:
        assert acknowledged(got).reason == Reason.PAYLOAD_FORMAT_INVALID
        assert told(got) == {"accepted": 1, "refused": {"A": "bad_payload", "C": "bad_payload"}}
    assert await claimed(gateway_site, "B", "value") is Answer.SUCCESS


async def test_more_entries_than_a_message_may_have(gateway_site: GatewaySite) -> None:
    gateway = await gateway_site.connected()
    got = await gateway.publish(CLAIM, {f"{it:x}": {} for it in range(2_001)})
    assert acknowledged(got).reason == Reason.QUOTA_EXCEEDED
    assert await gateway_site.device("0") is None


async def test_the_owner_of_the_gateway_owns_what_it_brings(gateway_site: GatewaySite) -> None:
    """Thingsboard §3.1: its new devices are its owner's, and can't be claimed by others."""
    await gateway_site.scene.assign(gateway_site.gateway, ACME)
    gateway = await gateway_site.connected()
    got = await gateway.publish(CLAIM, {"A": KEY})
    assert told(got) == {"accepted": 0, "refused": {"A": "owned"}}
    state = await gateway_site.state("A")
    assert (state.device.customer_id, state.epoch) == (ACME, 1)
    assert await claimed(gateway_site, "A", "value", BOB) is Answer.CLAIMED
    ledger = await gateway_site.joined.sqlite.ledger(state.device.tenant_id, state.device.id)
    assert [(it.change, it.reason, it.customer_id) for it in ledger] == [("opened", "made_by_gateway", ACME)]


async def test_an_owned_gateway_that_names_an_unsold_device(gateway_site: GatewaySite) -> None:
    """Behaviour §2.8: its owner could else offer, and then claim, any device of the tenant's."""
    unsold = gateway_site.joined.other
    await gateway_site.scene.assign(gateway_site.gateway, ACME)
    gateway = await gateway_site.connected()
    for topic, message in ((CLAIM, {unsold.name: KEY}), (CONNECT, {"device": unsold.name})):
        got = await gateway.publish(topic, message)
        assert acknowledged(got).reason == Reason.NOT_AUTHORIZED
        assert told(got) == {"accepted": 0, "refused": {unsold.name: "not_its_device"}}
    assert (await gateway_site.scene.claim(ALICE, unsold, "value")).answer is Answer.FAILURE
    state = await gateway_site.scene.state(unsold)
    assert (state.deed, state.windows, await gateway_site.relation_types(unsold)) == (None, (), [])


async def test_a_gateway_that_was_sold_with_its_devices(gateway_site: GatewaySite) -> None:
    """Behaviour §2.8: it made them before, so it speaks for them."""
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    await gateway_site.scene.assign(gateway_site.gateway, ACME)
    assert told(await gateway.publish(CLAIM, {"A": KEY})) == {"accepted": 1, "refused": {}}
    assert await claimed(gateway_site, "A", "value") is Answer.SUCCESS


async def test_a_relation_that_is_gone_ends_offers_at_once(gateway_site: GatewaySite) -> None:
    """Behaviour §2.8: decided with the offer, in the transaction that opens the window."""
    gateway = await gateway_site.connected()
    await gateway.publish(CONNECT, {"device": "A"})
    made = await gateway_site.made("A")
    await gateway_site.part(gateway_site.gateway, made, "Created")
    got = await gateway.publish(CLAIM, {"A": KEY})
    assert told(got) == {"accepted": 0, "refused": {"A": "not_its_device"}}
    assert await claimed(gateway_site, "A", "value") is Answer.FAILURE
