"""Sends numbered commands to a device through any node, some of them stored, and follows each to its end."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.acceptance.crowd import Crowd, Gadget, done
from tests.acceptance.roaming_device import RoamingDevice
from tests.acceptance.wire import Wire

_PATIENCE_MS, _STORED_FOR_MS = 5_000, 3_600_000
_PAUSE_S, _EVERY_STORED = 0.05, 4
_LONGEST_END_S = 90
#: What may come of a command whose device, or whose node, is gone at that moment.
_NOBODY_THERE = {409, 504}


class Commander:
    """Commands one device. `answers` counts what came of commands; `wrong` says what never should."""

    def __init__(
        self, crowd: Crowd, gadget: Gadget, device: RoamingDevice, open_wire: Callable[[], Wire]
    ) -> None:
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._crowd = crowd
        self._gadget = gadget
        self._device = device
        self._open_wire = open_wire
        self._count = 0
        self._promised: dict[str, int] = {}

    async def command(self) -> None:
        """Go on until cancelled."""
        while True:
            self._count += 1
            is_stored = self._count % _EVERY_STORED == 0
            try:
                async with self._open_wire() as wire:
                    await (self._store(wire) if is_stored else self._ask(wire))
            except ConnectionError:
                self.answers["unheard"] += 1
            await asyncio.sleep(_PAUSE_S)

    async def _ask(self, wire: Wire) -> None:
        body = {"method": "count", "params": {"n": self._count}, "timeout": _PATIENCE_MS}
        reply = await wire.ask("POST", f"/api/rpc/twoway/{self._gadget.id}", self._crowd.maker.token, body)
        if reply.status in _NOBODY_THERE:
            self.answers["nobody there"] += 1
        elif (reply.status, reply.body) == (200, {"n": self._count}) and self._device.obeyed[self._count]:
            self.answers["answered"] += 1
        else:
            self.wrong.append(f"command {self._count}: {reply}")

    async def _store(self, wire: Wire) -> None:
        body = {
            "method": "count",
            "params": {"n": self._count},
            "timeout": _STORED_FOR_MS,
            "persistent": True,
        }
        asked = await done(wire, "POST", f"/api/rpc/twoway/{self._gadget.id}", self._crowd.maker.token, body)
        self._promised[asked["rpcId"]] = self._count
        self.answers["stored"] += 1

    async def follow(self, wire: Wire) -> None:
        """Wait until each stored command has come to its end, with its reply; the device must be there."""
        for rpc_id, number in self._promised.items():
            async with asyncio.timeout(_LONGEST_END_S):
                found = await self._end_of(wire, rpc_id)
            if (found["status"], found["response"]) == ("SUCCESSFUL", {"n": number}):
                self.answers["stored and obeyed"] += 1
            else:
                self.wrong.append(f"stored command {number}: {found}")
        self.answers["obeyed twice"] = sum(count > 1 for count in self._device.obeyed.values())

    async def _end_of(self, wire: Wire, rpc_id: str) -> dict[str, Any]:
        while True:
            found = await done(wire, "GET", f"/api/rpc/persistent/{rpc_id}", self._crowd.maker.token)
            if found["status"] not in ("QUEUED", "SENT", "DELIVERED"):
                return dict(found)
            await asyncio.sleep(0.1)
