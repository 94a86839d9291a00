"""Clients that want to be provisioned: they are told, and have nothing else to do here."""

from typing import Any

import msgspec
import pytest

from deedbox.core import device_profiles, provision_settings
from deedbox.core.device_profiles import DeviceProfile
from deedbox.core.ids import NULL_ID
from deedbox.core.provision_settings import ProvisionSettings, Strategy
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ADMIN, TENANT
from deedbox.transports.mqtt.packets import Packet, PubAck, Publish, SubAck
from deedbox.transports.mqtt.reasons import Reason
from deedbox.transports.protobuf import device_api_pb2 as api
from tests.transports.mqtt.joined import CLAIM, TELEMETRY, Client, JoinedSite, message
from tests.transports.mqtt.test_sessions import NewSite

REQUEST, RESPONSE = "/provision/request", "/provision/response"
ASKED = {"provisionDeviceKey": "the-key", "provisionDeviceSecret": "the-secret"}
LEVELS = pytest.mark.parametrize("level", [3, 4, 5])


async def prepared(site: JoinedSite) -> None:
    """Store a profile whose devices provision themselves."""
    settings = ProvisionSettings(Strategy.ALLOW_CREATE_NEW_DEVICES, "the-key", "the-secret")

    async def work(stores: Stores) -> None:
        wanted = DeviceProfile(NULL_ID, TENANT, "sensor", 0)
        made = await device_profiles.create(stores.device_profiles, ADMIN.actor, wanted)
        await provision_settings.save(stores.provisioning, site.scene.keys, TENANT, made.id, settings)

    await site.sqlite.storage.write(work)


async def newcomer(site: JoinedSite, level: int = 5, **fields: Any) -> Client:
    """A client that was let in to be provisioned."""
    return await site.connected(level, **({"username": "provision"} | fields))


@LEVELS
@pytest.mark.parametrize("fields", [{}, {"username": None, "client_id": "provision"}])
async def test_a_device_gets_a_token_that_lets_it_in(
    site: JoinedSite, level: int, fields: dict[str, Any]
) -> None:
    """Thingsboard §7, §2.2: by user name or client id."""
    await prepared(site)
    client = await newcomer(site, level, **fields)
    await client.subscribe(RESPONSE)
    await client.publish(REQUEST, ASKED | {"deviceName": "s-1"}, 1, 7)
    [(topic, answer)] = client.told
    assert (topic, answer["status"], client.acknowledged) == (RESPONSE, "SUCCESS", [7])
    device = await site.connected(level, username=answer["credentialsValue"])
    await device.publish(CLAIM, {"secretKey": "k"}, 1, 3)
    assert device.acknowledged == [3]


@LEVELS
async def test_answers_come_without_a_subscription_and_to_messages_without_an_answer(
    site: JoinedSite, level: int
) -> None:
    await prepared(site)
    client = await newcomer(site, level)
    await client.publish(REQUEST, ASKED | {"provisionDeviceSecret": "wrong"}, 0)
    await client.publish(REQUEST, ASKED, 0)
    assert [answer["status"] for _, answer in client.told] == ["NOT_FOUND", "SUCCESS"]
    assert site.provisioned == ["not_found", "success"]


@LEVELS
async def test_what_is_no_request_is_answered(site: JoinedSite, level: int) -> None:
    client = await newcomer(site, level)
    await client.publish(REQUEST, b"{", 1, 7)
    [(_, answer)] = client.told
    assert (answer["status"], client.is_closed) == ("FAILURE", False)
    [done] = client.of(PubAck)
    assert done.reason == (Reason.PAYLOAD_FORMAT_INVALID if level == 5 else 0)


@LEVELS
async def test_guesses_are_counted_for_the_address(site: JoinedSite, level: int) -> None:
    await prepared(site)
    for client in (await newcomer(site, level), await newcomer(site, level, client_id="d")):
        for _ in range(10):
            await client.publish(REQUEST, ASKED | {"provisionDeviceSecret": "wrong"}, 0)
    client = await newcomer(site, level)
    await client.publish(REQUEST, ASKED, 0)
    assert client.told[-1][1] == {
        "status": "FAILURE", "errorMsg": "Too many attempts. Wait, then try again."
    }  # fmt: skip
    assert site.provisioned == ["not_found"] * 20 + ["too_many_attempts"]


async def test_nothing_else_is_there(site: JoinedSite) -> None:
    client = await newcomer(site)
    for topic in (TELEMETRY, CLAIM):
        await client.publish(topic, {"a": 1})
    assert [it.reason for it in client.of(PubAck)] == [Reason.NOT_AUTHORIZED] * 2
    await client.subscribe(RESPONSE, TELEMETRY, "#")
    [subscribed] = client.of(SubAck)
    assert subscribed.reasons == [1, Reason.NOT_AUTHORIZED, Reason.NOT_AUTHORIZED]
    client = await newcomer(site, 4)
    await client.publish(TELEMETRY, {"a": 1})
    assert client.is_closed


async def test_sessions_are_not_kept(site: JoinedSite) -> None:
    client = await newcomer(site, clean_start=False, session_expiry_s=600)
    await client.subscribe(RESPONSE)
    await client.hang_up()
    again = site.client()
    answer = await again.connect(username="provision", clean_start=False, session_expiry_s=600)
    assert (answer.session_present, answer.properties.session_expiry_s) == (False, 0)


async def test_nobody_stays_for_long(site: JoinedSite) -> None:
    """Thingsboard §7: 60 seconds, however often it speaks."""
    client = await newcomer(site)
    await site.pass_ms(59_000)
    await client.publish(REQUEST, b"{", 0)
    assert client.ended() is None
    await site.pass_ms(2_000)
    assert client.ended() == Reason.MAXIMUM_CONNECT_TIME
    assert site.server.provisioning_count == 0


async def test_a_crowd_drives_out_its_oldest(new_site: NewSite) -> None:
    site = await new_site(most_provisioning=2)
    clients = [await newcomer(site, client_id=f"c-{number}") for number in range(3)]
    assert [it.is_closed for it in clients] == [True, False, False]
    assert site.server.provisioning_count == 2


async def test_many_requests_in_one_piece(site: JoinedSite) -> None:
    """They are answered one after the other, and no more than a few wait."""
    await prepared(site)
    client = await newcomer(site, 4)
    body = msgspec.json.encode(ASKED)
    await client.ask(*(_request(body, number) for number in range(1, 9)))
    assert [answer["status"] for _, answer in client.told] == ["SUCCESS"] * 8
    assert client.acknowledged == list(range(1, 9))
    flood = await newcomer(site, 5)
    await flood.ask(*[message(REQUEST, body, 0)] * 20)
    assert flood.ended() == Reason.QUOTA_EXCEEDED


def _request(body: bytes, packet_id: int) -> Packet:
    return message(REQUEST, body, 1, packet_id)


async def test_a_request_in_protobuf_is_answered_in_protobuf(site: JoinedSite) -> None:
    """Thingsboard §2.1: nobody knows a profile yet, so the request says which of both it is."""
    await prepared(site)
    client = await newcomer(site, 4)
    secrets = api.ProvisionDeviceCredentialsMsg(
        provisionDeviceKey="the-key", provisionDeviceSecret="the-secret"
    )
    basic = api.ValidateBasicMqttCredRequestMsg(clientId="c-1", userName="u", password="p")
    wanted = api.ProvisionDeviceRequestMsg(
        deviceName="s-1",
        credentialsType=api.MQTT_BASIC,
        provisionDeviceCredentialsMsg=secrets,
        credentialsDataProto=api.CredentialsDataProto(validateBasicMqttCredRequestMsg=basic),
    )
    await client.publish(REQUEST, wanted.SerializeToString())
    answer = api.ProvisionDeviceResponseMsg.FromString(client.of(Publish)[0].payload)
    assert (answer.status, answer.credentialsType) == (api.SUCCESS, api.MQTT_BASIC)
    assert msgspec.json.decode(answer.credentialsValue)["clientId"] == "c-1"
    secrets.provisionDeviceSecret = "wrong"
    refused = api.ProvisionDeviceRequestMsg(provisionDeviceCredentialsMsg=secrets, deviceName="s-2")
    await client.publish(REQUEST, refused.SerializeToString(), packet_id=2)
    answer = api.ProvisionDeviceResponseMsg.FromString(client.of(Publish)[1].payload)
    assert answer.status == api.NOT_FOUND and client.acknowledged == [1, 2]
