"""Values arrive over WebSockets as they are stored: time series, histories, attributes (thingsboard §6.9)."""

from typing import Any

from tests.api.live.conftest import Gadget
from tests.api.live.live_site import LiveSite


def _about(gadget: Gadget, **more: Any) -> dict[str, Any]:
    return {"entityType": "DEVICE", "entityId": gadget.id, **more}


async def test_the_first_message_signs_in_and_subscribes(site: LiveSite, gadget: Gadget) -> None:
    token = await site.deployment.token("alice")
    await site.measure(gadget.token, {"ts": 1000, "values": {"a": 1, "b": True}})
    async with site.stranger() as client:
        await client.send(
            {
                "authCmd": {"cmdId": 0, "token": token},
                "cmds": [{"type": "TIMESERIES", "cmdId": 10, "scope": "LATEST_TELEMETRY", **_about(gadget)}],
            }
        )
        assert await client.next() == {
            "subscriptionId": 10,
            "errorCode": 0,
            "errorMsg": None,
            "data": {"a": [[1000, "1"]], "b": [[1000, "true"]]},
            "latestValues": {"a": 1000, "b": 1000},
        }


async def test_what_the_device_measures_arrives(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        assert (await client.ask("TIMESERIES", 1, **_about(gadget)))["data"] == {}
        await site.measure(gadget.token, {"ts": 2000, "values": {"a": 21.5, "b": "warm", "c": {"d": [1]}}})
        update = await client.next()
        assert update["subscriptionId"] == 1
        assert update["data"] == {"a": [[2000, "21.5"]], "b": [[2000, "warm"]], "c": [[2000, '{"d":[1]}']]}


async def test_only_named_keys_and_no_older_value_than_the_latest(site: LiveSite, gadget: Gadget) -> None:
    await site.measure(gadget.token, {"ts": 2000, "values": {"a": 1, "b": 1}})
    async with site.client("alice") as client:
        assert (await client.ask("TIMESERIES", 1, keys="a,z", **_about(gadget)))["data"] == {
            "a": [[2000, "1"]]
        }
        await site.measure(gadget.token, [{"ts": 1000, "values": {"a": 0}}, {"ts": 3000, "values": {"b": 2}}])
        await site.measure(gadget.token, {"ts": 2500, "values": {"a": 2}})
        assert (await client.next())["data"] == {"a": [[2500, "2"]]}


async def test_a_window_begins_with_its_history(site: LiveSite, gadget: Gadget) -> None:
    await site.measure(gadget.token, [{"ts": ts, "values": {"a": ts}} for ts in (500, 1000, 2000, 3000)])
    async with site.client("alice") as client:
        window = {"startTs": 1000, "timeWindow": 2500, "interval": 1000, "limit": 2, "agg": "NONE"}
        first = await client.ask("TIMESERIES", 1, keys="a", **window, **_about(gadget))
        assert first["data"] == {"a": [[3000, "3000"], [2000, "2000"]]}
        # What comes late belongs to the window; what is older does not.
        await site.measure(gadget.token, [{"ts": 900, "values": {"a": 1}}, {"ts": 1500, "values": {"a": 2}}])
        assert (await client.next())["data"] == {"a": [[1500, "2"]]}


async def test_histories_come_once(site: LiveSite, gadget: Gadget) -> None:
    await site.measure(gadget.token, [{"ts": ts, "values": {"a": ts}} for ts in range(1000, 1010)])
    async with site.client("alice") as client:
        asked = {"startTs": 1000, "endTs": 1010, "interval": 10, "agg": "AVG", "keys": "a"}
        assert (await client.ask("TIMESERIES_HISTORY", 5, **asked, **_about(gadget)))["data"] == {
            "a": [[1005, "1004.5"]]
        }
        await site.measure(gadget.token, {"a": 1})
        assert await client.is_quiet()


async def test_values_that_are_written_over_rest_arrive(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        await client.ask("TIMESERIES", 1, **_about(gadget))
        path = f"/api/plugins/telemetry/DEVICE/{gadget.id}/timeseries/ANY"
        await site.deployment.ok("maker", "POST", path, {"ts": 5, "values": {"a": 1}})
        assert (await client.next())["data"] == {"a": [[5, "1"]]}


async def test_attributes_of_every_scope_arrive_and_go(site: LiveSite, gadget: Gadget) -> None:
    await site.write("maker", gadget.id, "SERVER_SCOPE", {"place": "cellar"})
    async with site.client("alice") as client:
        first = await client.ask("ATTRIBUTES", 1, **_about(gadget))
        assert first["data"] == {"place": [[first["latestValues"]["place"], "cellar"]]}
        await site.report(gadget.token, {"version": "1.2"})
        assert (await client.next())["data"]["version"][0][1] == "1.2"
        await site.write("alice", gadget.id, "SHARED_SCOPE", {"on": True})
        assert (await client.next())["data"]["on"][0][1] == "true"
        path = f"/api/plugins/telemetry/DEVICE/{gadget.id}/SHARED_SCOPE"
        await site.deployment.ok("alice", "DELETE", path, keys="on")
        assert (await client.next())["data"] == {"on": [[0, ""]]}


async def test_one_scope_and_named_attributes(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        wanted = {"scope": "CLIENT_SCOPE", "keys": "a"}
        assert (await client.ask("ATTRIBUTES", 1, **wanted, **_about(gadget)))["data"] == {}
        await site.write("maker", gadget.id, "SERVER_SCOPE", {"a": 1})
        await site.report(gadget.token, {"b": 2})
        await site.report(gadget.token, {"a": 3, "b": 3})
        update = await client.next()
        assert [key for key in update["data"]] == ["a"]
        assert update["data"]["a"][0][1] == "3"


async def test_a_claim_key_never_shows_its_secret(site: LiveSite) -> None:
    """Behaviour §3.4."""
    device_id = str((await site.deployment.make_device("Secretive"))["id"]["id"])
    key = {"claimingData": {"secretKey": "hush", "expirationTime": 4_000_000_000_000}}
    async with site.client("maker") as client:
        about = {"entityType": "DEVICE", "entityId": device_id, "keys": "claimingData"}
        assert (await client.ask("ATTRIBUTES", 1, **about))["data"] == {}
        await site.write("maker", device_id, "SERVER_SCOPE", key)
        shown = (await client.next())["data"]["claimingData"][0][1]
        assert "hush" not in shown and '"hidden":true' in shown
    assert not site.deployment.sql("select 1 from audit_entry where action = 'ATTRIBUTES_READ'")


async def test_attributes_of_the_tenant_and_of_customers(site: LiveSite) -> None:
    tenant_id = (await site.deployment.who("maker"))["tenantId"]["id"]
    async with site.client("maker") as client:
        about = {"entityType": "TENANT", "entityId": tenant_id}
        assert (await client.ask("ATTRIBUTES", 1, **about))["data"] == {}
        path = f"/api/plugins/telemetry/TENANT/{tenant_id}/SERVER_SCOPE"
        await site.deployment.ok("maker", "POST", path, {"motto": "solid"})
        assert (await client.next())["data"]["motto"][0][1] == "solid"


async def test_unsubscribing_ends_updates(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        await client.ask("TIMESERIES", 1, **_about(gadget))
        await client.ask("ATTRIBUTES", 2, **_about(gadget))
        await client.command("TIMESERIES", 1, unsubscribe=True)
        await client.command("ATTRIBUTES_UNSUBSCRIBE", 2)
        assert await client.is_quiet()
        await site.measure(gadget.token, {"a": 1})
        await site.report(gadget.token, {"a": 1})
        assert await client.is_quiet()


async def test_a_number_that_is_used_again_ends_what_had_it(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        await client.ask("TIMESERIES", 1, keys="a", **_about(gadget))
        await client.ask("TIMESERIES", 1, keys="b", **_about(gadget))
        await site.measure(gadget.token, {"ts": 1, "values": {"a": 1, "b": 2}})
        assert (await client.next())["data"] == {"b": [[1, "2"]]}


async def test_older_clients_sign_in_by_address_and_use_lists(site: LiveSite, gadget: Gadget) -> None:
    token = await site.deployment.token("alice")
    await site.measure(gadget.token, {"ts": 1, "values": {"a": 1}})
    async with site.stranger(f"/api/ws/plugins/telemetry?token={token}") as client:
        history = {"cmdId": 3, "keys": "a", "startTs": 0, "endTs": 10, **_about(gadget)}
        await client.send(
            {
                "tsSubCmds": [{"cmdId": 1, "scope": "LATEST_TELEMETRY", **_about(gadget)}],
                "historyCmds": [history],
                "attrSubCmds": [{"cmdId": 2, "scope": "CLIENT_SCOPE", **_about(gadget)}],
            }
        )
        answers = [await client.next() for _ in range(3)]
        assert {it["subscriptionId"]: it["data"] for it in answers} == {
            1: {"a": [[1, "1"]]},
            2: {},
            3: {"a": [[1, "1"]]},
        }


async def test_a_thousand_subscriptions_of_one_socket_are_all_served(site: LiveSite, gadget: Gadget) -> None:
    async with site.client("alice") as client:
        commands = [{"type": "TIMESERIES", "cmdId": it, "keys": "a", **_about(gadget)} for it in range(1000)]
        for start in range(0, 1000, 100):
            await client.send({"cmds": commands[start : start + 100]})
        assert [(await client.next())["subscriptionId"] for _ in range(1000)] == list(range(1000))
        await site.measure(gadget.token, {"ts": 7, "values": {"a": 1}})
        updates = [await client.next() for _ in range(1000)]
        assert sorted(it["subscriptionId"] for it in updates) == list(range(1000))
        assert all(it["data"] == {"a": [[7, "1"]]} for it in updates)
