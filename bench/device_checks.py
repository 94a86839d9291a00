"""What must be stored of offers to be claimed: of each device the key that was acknowledged last."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from bench.mqtt_devices import asked, database_url, user_name
from deedbox.core.keys import same
from deedbox.security.key_file import load_or_make

#: As in load.h.
_STRIDE = 618_033
_DIGITS = 13
_BESIDE_THE_KEY = '{"durationMs":3600000,"secretKey":""}'
_WINDOWS = (
    "select d.id, d.name, w.digest from claim_window w join device d on d.id = w.device_id where w.kind = 0"
)


def windows_of_clients(report: Path, offer_bytes: int) -> dict[str, str]:
    """Return device -> key of what the MQTT generator wrote down: devices and their last numbers."""
    pairs = (line.split() for line in report.read_text().splitlines())
    return {user_name(int(device)): _key(int(number), offer_bytes) for device, number in pairs}


def windows_of_turns(turns: int, devices: int, offer_bytes: int) -> dict[str, str]:
    """Return device -> key of so many requests of the HTTP generator."""
    return {user_name(it * _STRIDE % devices): _key(it, offer_bytes) for it in range(turns)}


def windows_fault(folder: Path, expected: Mapping[str, str]) -> str:
    """Return how the windows of a data folder differ from device -> key; empty when they do not."""
    keys = load_or_make(folder / "secret.key")
    rows = asyncio.run(asked(database_url(folder), _WINDOWS))
    right = sum(
        same(keys.digests(UUID(bytes=device_id), expected[name]), digest)
        for device_id, name, digest in rows
        if name in expected
    )
    if right == len(rows) == len(expected):
        return ""
    return (
        f"{len(expected):,} devices acknowledged, {len(rows):,} windows stored, {right:,} with the last key"
    )


def _key(number: int, offer_bytes: int) -> str:
    return f"{number:0{_DIGITS}}".ljust(offer_bytes - len(_BESIDE_THE_KEY), "x")
