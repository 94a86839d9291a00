"""How devices speak is looked up by their profiles, remembered for a while, and read anew after a change."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from deedbox.transports import device_manners
from deedbox.transports.device_manners import ASKED_AGAIN_AFTER_MS, DeviceManners
from deedbox.transports.payload_formats.manners import DEFAULT
from tests.storage.sqlite_bench import SQLiteBench, new_database
from tests.transports.device_site import DeviceSite
from tests.transports.spoken_protobuf import over_coap, protobuf


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[DeviceSite]:
    bench = SQLiteBench(new_database(tmp_path))
    site = DeviceSite(bench)
    await site.prepare()
    yield site
    await bench.close()


async def test_another_nodes_change_counts_when_profiles_are_read_anew(site: DeviceSite) -> None:
    elsewhere = DeviceManners(site.sqlite.storage)
    manners, others = await elsewhere.of_devices([site.device.id, site.other.id])
    usual = manners.mqtt
    await site.speak(**protobuf())
    assert manners.mqtt is usual
    await elsewhere.reload()
    assert manners.mqtt is not usual and others.mqtt == usual
    assert await elsewhere.of_device(site.device.id) is manners


async def test_a_device_that_is_gone_speaks_as_by_default(site: DeviceSite) -> None:
    assert await site.manners.of_device(UUID(int=5)) is DEFAULT
    assert await site.manners.of_devices([]) == []


async def test_a_device_without_a_session_is_asked_for_again_after_a_while(
    site: DeviceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    manners, device_id = site.manners, site.device.id
    first = (await manners.recent([device_id], 1_000))[device_id]
    change = "update device set profile_id = ? where id = ?"
    site.sqlite.sql(change, site.other.profile_id.bytes, device_id.bytes)
    await site.speak(site.other, **over_coap())
    assert (await manners.recent([device_id], ASKED_AGAIN_AFTER_MS))[device_id] is first
    later = (await manners.recent([device_id], 1_000 + ASKED_AGAIN_AFTER_MS))[device_id]
    assert later is not first and not later.coap.is_json
    monkeypatch.setattr(device_manners, "MOST_DEVICES", 1)
    await manners.recent([device_id, site.other.id], 10 * ASKED_AGAIN_AFTER_MS)
    assert manners.known_devices == 1


async def test_profiles_without_devices_here_are_forgotten_in_the_end(
    site: DeviceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_manners, "MOST_PROFILES", 1)
    kept = await site.manners.of_device(site.device.id)
    await site.manners.of_device(site.other.id)
    assert site.manners.known_profiles == 1
    await site.speak(**protobuf())
    assert await site.manners.of_device(site.device.id) is kept  # somebody still has it


async def test_a_stored_schema_that_can_not_be_used_is_no_hindrance(site: DeviceSite) -> None:
    """Of before schemas were checked."""
    await site.speak(**protobuf())
    broken = (
        "update device_profile set settings = replace(settings, 'proto3', 'proto9'), version = version + 1"
    )
    site.sqlite.sql(broken)
    manners = await site.manners.of_device(site.device.id)
    assert manners.mqtt.reader is DEFAULT.mqtt.reader
