"""What a real server leaves behind: no secret in its log, its metrics, its traces or its files (A23)."""

import asyncio
from pathlib import Path

from tests.acceptance.crowd import PASSWORD, Crowd, Gadget, claim, done, new_crowd, outcome
from tests.acceptance.wire import Wire
from tests.server_process import ADMINISTRATOR_PASSWORD, RunningServer, running_server
from tests.trace_collector import TraceCollector, collecting_traces

ANNOUNCED, SET, GUESSED, BROKEN = "ANNOUNCED-7f3a91", "SET-91bc27e4", "GUESSED-55de08", "BROKEN-20c4f7"
LATER_PASSWORD, COMMANDED = "a later password 8c1d", "COMMANDED-0e6b3f"
FAR_MS = 4_102_444_800_000


async def test_a23_a_day_in_the_life_leaves_no_secret(tmp_path: Path) -> None:
    """Attacks A23, behaviour §6.6: log with all lines, metrics, traces of all, database, all other files."""
    environment = {"DEEDBOX_LOG_ACCESS": "true", "DEEDBOX_LOG_FORMAT": "json", "DEEDBOX_LOG_LEVEL": "debug"}
    with (
        collecting_traces() as collector,
        running_server(tmp_path / "data", environment=environment | tracing_to(collector)) as server,
    ):
        crowd = await new_crowd(server, 2)
        gadgets = await crowd.gadgets(2)
        tokens = await live(crowd, gadgets, server)
        metrics = await page(server, "/metrics")
        while_running = files(tmp_path / "data")
        assert server.stop() == 0
    told = {"log": server.log.read_bytes(), "metrics": metrics} | while_running
    told["traces"] = b"".join(collector.bodies)
    told |= {f"{name} after the stop": content for name, content in files(tmp_path / "data").items()}
    assert len(while_running) >= 4, sorted(while_running)
    assert b'"route": "/api/customer/device/{device_name}/claim"' in told["log"]
    assert b"POST /api/customer/device/{device_name}/claim" in told["traces"]
    assert gadgets[0].name.encode() in told["deedbox.sqlite after the stop"]
    secrets = [ANNOUNCED, SET, GUESSED, BROKEN, PASSWORD, LATER_PASSWORD, ADMINISTRATOR_PASSWORD, COMMANDED]
    secrets += [it.token for it in gadgets] + tokens
    found = [
        (secret, name) for secret in secrets for name, content in told.items() if secret.encode() in content
    ]
    assert found == []


def tracing_to(collector: TraceCollector) -> dict[str, str]:
    """Settings of a server that traces everything."""
    return {"DEEDBOX_TRACES_ENDPOINT": collector.endpoint, "DEEDBOX_TRACES_SAMPLE_SHARE": "1"}


async def live(crowd: Crowd, gadgets: list[Gadget], server: RunningServer) -> list[str]:
    """Do what people and devices do, right and wrong; return the tokens that people got."""
    lamp, (owner, stranger) = gadgets[0], crowd.people
    scope = f"/api/plugins/telemetry/DEVICE/{lamp.id}/attributes/SERVER_SCOPE"
    async with Wire(crowd.port) as wire:
        for path in ("/claim", "/telemetry", "/attributes"):
            await wire.ask("POST", f"/api/v1/{lamp.token}{path}", "", f'{{"secretKey": "{BROKEN}" oops')
            await wire.ask("POST", f"/api/v1/{lamp.token}x{path}", "", {"secretKey": BROKEN})
        await crowd.announce(gadgets, ANNOUNCED)
        key = {"claimingData": {"secretKey": SET, "expirationTime": FAR_MS}}
        await done(wire, "POST", scope, crowd.maker.token, key)
        await wire.ask("POST", scope, crowd.maker.token, {"claimingData": {"secretKey": BROKEN}})
        await done(
            wire,
            "GET",
            f"{scope.replace('attributes', 'values/attributes')}?keys=claimingData",
            crowd.maker.token,
        )
        assert outcome(await claim(wire, stranger, lamp, GUESSED)) == "FAILURE"
        assert outcome(await claim(wire, owner, lamp, ANNOUNCED)) == "SUCCESS"
        await wire.ask("GET", f"{lamp.claim_path}?secretKey=", stranger.token)
        command = {"method": "m", "params": COMMANDED}
        async with Wire(crowd.port) as devices:
            await asyncio.gather(
                devices.ask("GET", f"/api/v1/{lamp.token}/rpc?timeout=20000"),
                wire.ask("POST", f"/api/rpc/oneway/{lamp.id}", owner.token, command),
            )
        for password in (PASSWORD, GUESSED):
            who = {"username": owner.email, "password": password}
            await wire.ask("POST", "/api/auth/login", "", who)
        await wire.ask("POST", "/api/auth/token", "", {"refreshToken": owner.token})
        change = {"currentPassword": PASSWORD, "newPassword": LATER_PASSWORD}
        pair = await done(wire, "POST", "/api/auth/changePassword", owner.token, change)
        link = await wire.ask("GET", f"/api/user/{owner.user_id}/resetLink", crowd.maker.token)
        reset = link.content.decode().partition("resetToken=")[2].strip('"')
        await wire.ask("GET", f"/api/noauth/resetPassword?resetToken={reset}")
    return [owner.token, stranger.token, crowd.maker.token, pair["token"], pair["refreshToken"], reset]


async def page(server: RunningServer, path: str) -> bytes:
    """Return what an address answers."""
    async with Wire(server.port) as wire:
        return (await wire.ask("GET", path)).content


def files(folder: Path) -> dict[str, bytes]:
    """Return all that is in the data folder, but for the key file, which is the one place for secrets."""
    return {it.name: it.read_bytes() for it in folder.rglob("*") if it.is_file() and it.name != "secret.key"}
