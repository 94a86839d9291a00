"""Stored commands outlive the server that accepted them."""

from pathlib import Path

from tests.acceptance.crowd import claim, done, new_crowd
from tests.acceptance.wire import Wire
from tests.server_process import running_server


async def test_commands_survive_kill_minus_nine(tmp_path: Path) -> None:
    """Behaviour §2.2's like for commands: what was answered with 200 is on the disk, and so is the reply."""
    with running_server(tmp_path / "data") as server:
        crowd = await new_crowd(server, 1)
        [gadget], [alice] = await crowd.gadgets(1), crowd.people
        await crowd.announce([gadget], "k")
        wish = {"method": "blink", "persistent": True, "timeout": 3_600_000}
        async with Wire(server.port) as wire:
            await claim(wire, alice, gadget, "k")
            asked = await done(wire, "POST", f"/api/rpc/twoway/{gadget.id}", alice.token, wish)
            await done(wire, "POST", f"/api/rpc/oneway/{gadget.id}", alice.token, wish | {"method": "next"})
        server.kill()
        server.restart()
        async with Wire(server.port) as wire:
            command = await done(wire, "GET", f"/api/v1/{gadget.token}/rpc?timeout=20000")
            assert command["method"] == "blink"
            await done(wire, "POST", f"/api/v1/{gadget.token}/rpc/{command['id']}", "", {"blinked": 3})
        server.kill()
        server.restart()
        async with Wire(server.port) as wire:
            found = await done(wire, "GET", f"/api/rpc/persistent/{asked['rpcId']}", alice.token)
            assert (found["status"], found["response"]) == ("SUCCESSFUL", {"blinked": 3})
            command = await done(wire, "GET", f"/api/v1/{gadget.token}/rpc?timeout=20000")
            assert command["method"] == "next"
