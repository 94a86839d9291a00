"""Part E: kill -9 while devices publish. Is every acknowledged message there after the next start?"""

import asyncio
import random
from collections import defaultdict
from pathlib import Path

from bench import mqtt_bare_limit, mqtt_devices
from bench.mqtt_devices import user_name
from bench.mqtt_parts import Setting, attempt
from bench.mqtt_rows import FAILED, Part
from bench.mqtt_servers import BARE_LIMIT, DEEDBOX, Server, running
from tests.acceptance.numbered_publishing import NumberedDevice, judge, start_publishing, until_cut

_DEVICES = 100
_WINDOW = 16
_SEED = 20_261_123


def crash(setting: Setting) -> Part:
    """Kill each server under load once per round, at a random moment, start it anew and look for messages."""
    part = Part("E. kill -9 under load, start, and look for what was acknowledged")
    dice = random.Random(_SEED)
    for _ in range(setting.rounds):
        delay_s = dice.uniform(0.3, 1.5)
        for name in setting.servers((BARE_LIMIT, DEEDBOX)):
            attempt(setting, part, f"{name}, killed", _crash, name, delay_s)
    return part


def _crash(setting: Setting, part: Part, name: str, delay_s: float) -> None:
    with setting.fresh_copy() as folder:
        devices = asyncio.run(_publish_and_kill(Server(name, folder), delay_s))
        with running(name, folder):
            pass  # whatever a start does with what a crash left is part of the question
        verdict = judge(devices, _stored(name, folder))
    row = part.row(name, f"{_DEVICES} x {_WINDOW}")
    row.add(**verdict._asdict())
    wrong = {it: sum(row.figures[it]) for it in ("lost", "twice", "invented")}
    faults = ", ".join(f"{count:,.0f} {it}" for it, count in wrong.items() if count)
    row.note = f"{FAILED}: {faults}" if faults else "nothing lost, nothing twice"


async def _publish_and_kill(server: Server, delay_s: float) -> list[NumberedDevice]:
    try:
        tokens = [user_name(number) for number in range(_DEVICES)]
        devices = await start_publishing(server.ports.mqtt, tokens, _WINDOW)
        await asyncio.sleep(delay_s)
    finally:
        server.kill()
    await until_cut(devices)
    return devices


def _stored(name: str, folder: Path) -> dict[str, list[int]]:
    found = mqtt_devices.stored(folder) if name == DEEDBOX else mqtt_bare_limit.stored(folder)
    numbers: dict[str, list[int]] = defaultdict(list)
    for device, number in found:
        numbers[device].append(number)
    return numbers
