"""Bad input over WebSockets: each kind is told what is wrong, and the connection goes on where it can."""

from typing import Any
from uuid import uuid4

import pytest

from deedbox.api.live.settings import LiveSettings
from tests.api.deployment import Deployment
from tests.api.live.conftest import Gadget
from tests.api.live.live_site import LiveClient, LiveSite, live_site

BAD_REQUEST, UNAUTHORIZED = 2, 3


@pytest.fixture
def unknown() -> dict[str, Any]:
    return {"entityType": "DEVICE", "entityId": str(uuid4())}


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "not valid JSON"),
        ("[" * 5000, "not valid JSON"),
        ("null", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        ('{"cmds": 5}', "cmds must be a list"),
        ('{"cmds": [5]}', "cmds must be a list"),
        ('{"tsSubCmds": {}}', "tsSubCmds must be a list"),
        (b"\x00\x01", "Binary messages are not understood"),
    ],
)
async def test_what_can_not_be_read_is_answered_and_the_socket_stays(
    site: LiveSite, message: str | bytes, said: str
) -> None:
    async with site.client("alice") as client:
        await client.connection.send(message)
        answer = await client.next()
        assert (answer["subscriptionId"], answer["errorCode"]) == (0, BAD_REQUEST)
        assert said in answer["errorMsg"]
        assert await client.is_quiet()


@pytest.mark.parametrize(
    ("type_name", "more", "said"),
    [
        ("", {}, "Commands of type '' are not offered"),
        ("ALARM_DATA", {}, "Offered are: ATTRIBUTES, TIMESERIES"),
        ("TIMESERIES", {"entityId": "x"}, "not a UUID"),
        ("TIMESERIES", {"entityType": "DASHBOARD"}, "Expected: DEVICE"),
        ("TIMESERIES", {"keys": 5}, "Expected `str | null`"),
        ("TIMESERIES", {"timeWindow": 5}, "keys are missing"),
        ("TIMESERIES", {"keys": "a", "timeWindow": 5, "agg": "MEDIAN"}, "'agg' is not known"),
        ("TIMESERIES", {"keys": "a", "timeWindow": 5, "startTs": -1}, "'startTs' must be a moment"),
        ("TIMESERIES_HISTORY", {"keys": "a", "startTs": 5, "endTs": 4}, "endTs lies before startTs"),
        ("TIMESERIES_HISTORY", {"startTs": 5, "endTs": 6}, "keys are missing"),
        ("ATTRIBUTES", {"scope": "EVERY_SCOPE"}, "Invalid scope: EVERY_SCOPE"),
        ("ENTITY_DATA", {}, "has no query yet"),
        ("ENTITY_DATA", {"query": {}}, "missing required field `entityFilter`"),
        ("ENTITY_DATA", {"query": {"entityFilter": {"type": "relationsQuery"}}}, "is not offered"),
        ("ENTITY_COUNT", {}, "missing required field `query`"),
    ],
)
async def test_a_wrong_command_is_told_what_is_wrong(
    site: LiveSite, unknown: dict[str, Any], type_name: str, more: dict[str, Any], said: str
) -> None:
    async with site.client("alice") as client:
        code, message = await client.refused(type_name, 7, **{**unknown, **more})
        assert code == BAD_REQUEST
        assert said in message
        assert await client.is_quiet()


@pytest.mark.parametrize("number", [None, "x", -1, 2**40, True, [1]])
async def test_a_command_without_a_number_of_its_own_is_refused(site: LiveSite, number: Any) -> None:
    async with site.client("alice") as client:
        await client.send({"cmds": [{"type": "TIMESERIES", "cmdId": number}]})
        assert (await client.next())["errorCode"] == BAD_REQUEST


@pytest.mark.parametrize("type_name", ["TIMESERIES", "ATTRIBUTES", "TIMESERIES_HISTORY"])
async def test_who_may_not_see_is_told_no_more_than_over_rest(
    site: LiveSite, gadget: Gadget, unknown: dict[str, Any], type_name: str
) -> None:
    about = {"entityType": "DEVICE", "entityId": gadget.id, "keys": "a", "startTs": 0, "endTs": 9}
    async with site.client("bob") as bob, site.client("rival") as rival:
        assert (await bob.refused(type_name, 1, **about))[0] == UNAUTHORIZED
        foreign = await rival.refused(type_name, 1, **about)
        assert foreign == await rival.refused(type_name, 1, **{**about, **unknown})
        assert foreign == (BAD_REQUEST, "Device with requested id wasn't found!")


async def test_a_message_that_is_too_long_ends_the_connection(site: LiveSite) -> None:
    async with site.client("alice") as client:
        await client.connection.send(" " * 70_000)
        assert (await client.ended())[0] == 1009


async def test_one_connection_follows_so_many_things(deployment: Deployment) -> None:
    async with live_site(deployment, LiveSettings(subscriptions_per_socket=2)) as site:
        tenant_id = (await deployment.who("maker"))["tenantId"]["id"]
        for number in range(3):
            await deployment.make_device(f"Lamp {number}")
        async with site.client("maker") as client:
            await _fill(client, {"entityType": "TENANT", "entityId": tenant_id})


async def _fill(client: LiveClient, about: dict[str, Any]) -> None:
    for number in (1, 2, 2):
        assert (await client.ask("ATTRIBUTES", number, **about))["errorCode"] == 0
    assert "may follow 2 things" in (await client.refused("ATTRIBUTES", 3, **about))[1]
    await client.command("ATTRIBUTES_UNSUBSCRIBE", 1)
    await client.command("ATTRIBUTES_UNSUBSCRIBE", 2)
    query = {"entityFilter": {"type": "entityType", "entityType": "DEVICE"}}
    latest = {"keys": [{"type": "TIME_SERIES", "key": "a"}]}
    assert "may follow 2 things" in (await client.refused("ENTITY_DATA", 1, query=query, latestCmd=latest))[1]
    assert (await client.ask("ATTRIBUTES", 3, **about))["errorCode"] == 0
