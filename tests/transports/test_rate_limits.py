"""Devices are held to limits: who shares what, what changes while they are connected, what they are told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from deedbox.core.device_limits import DeviceLimits, TenantLimits
from deedbox.core.errors import PayloadTooLarge, TooManyMessages
from deedbox.core.limits_in_force import LimitsInForce
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ClaimScene, made_device
from deedbox.transports import rate_limits
from deedbox.transports.rate_limits import Limiter, RateLimits
from deedbox.transports.session_limits import session_limits
from tests.storage.sqlite_bench import SQLiteBench, new_database

NOW_MS = 1_700_000_000_000
DEVICE, OTHER = made_device(1), made_device(2)
GATEWAY_ID = uuid4()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    bench = SQLiteBench(new_database(tmp_path))
    await ClaimScene(bench).prepare(2)
    yield bench
    await bench.close()


class Site:
    """Limits over a real database."""

    def __init__(self, sqlite: SQLiteBench, deployment: DeviceLimits) -> None:
        self.sqlite = sqlite
        self.refused: list[tuple[str, str]] = []
        self.limits = RateLimits(sqlite.storage, deployment, lambda *it: self.refused.append(it))

    def limiter(self, device_id: UUID, tenant_id: UUID) -> Limiter:
        """Return the limiter of a device behind a gateway that has no limits."""
        return self.limits.limiter_behind(GATEWAY_ID, device_id, tenant_id)

    async def set(self, tenant_id: UUID = DEVICE.tenant_id, **texts: str | None) -> None:
        """Store a tenant's own limits, and read them as the server does."""
        await self.store(tenant_id, **texts)
        await self.limits.reload()

    async def store(self, tenant_id: UUID, **texts: str | None) -> None:
        """Store a tenant's own limits."""

        async def work(stores: Stores) -> None:
            await stores.device_limits.put_limits(tenant_id, TenantLimits(**texts))

        await self.sqlite.storage.write(work)


def site_with(sqlite: SQLiteBench, **texts: str) -> Site:
    return Site(sqlite, msgspec.convert(texts, DeviceLimits))


async def test_while_nobody_has_limits_nothing_is_asked(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite)
    limiting = [site.limits.is_limiting]
    for text in ("", "1:60", None):
        await site.set(device_messages=text)
        limiting.append(site.limits.is_limiting)
    assert limiting == [False, False, True, False]
    assert site_with(sqlite, tenant_messages="1:60").limits.is_limiting


async def test_devices_have_their_own_and_share_their_tenants(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite, device_messages="3:60", tenant_messages="5:60")
    one = site.limiter(DEVICE.id, DEVICE.tenant_id)
    other = site.limiter(OTHER.id, DEVICE.tenant_id)
    stranger = site.limiter(uuid4(), uuid4())
    assert [one.allows_message(NOW_MS) for _ in range(4)] == [True, True, True, False]
    assert [other.allows_message(NOW_MS) for _ in range(3)] == [True, True, False]
    assert stranger.allows_message(NOW_MS), "tenants do not share"
    assert site.refused == [("device", "messages"), ("tenant", "messages")]


async def test_telemetry_is_counted_apart_in_messages_and_values(sqlite: SQLiteBench) -> None:
    site = site_with(
        sqlite, device_messages="1:60", device_telemetry_messages="2:60", tenant_telemetry_data_points="10:60"
    )
    it = site.limiter(DEVICE.id, DEVICE.tenant_id)
    assert it.allows_message(NOW_MS) and not it.allows_message(NOW_MS)
    assert it.allows_telemetry(1, 7, NOW_MS)
    assert not it.allows_telemetry(1, 4, NOW_MS), "values"
    assert it.allows_telemetry(1, 3, NOW_MS), "what was refused has cost nothing"
    assert not it.allows_telemetry(1, 0, NOW_MS), "messages"
    assert site.refused[1:] == [("tenant", "telemetry_data_points"), ("device", "telemetry_messages")]


async def test_refusals_say_whose_limit_it_is_and_how_long_to_wait(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite, device_messages="1:60", tenant_telemetry_data_points="10:60")
    it = site.limiter(DEVICE.id, DEVICE.tenant_id)
    it.check_message(NOW_MS)
    with pytest.raises(TooManyMessages, match="This device may send 1 messages in 60 s") as caught:
        it.check_message(NOW_MS + 1_000)
    assert caught.value.retry_after_ms == 59_000
    with pytest.raises(PayloadTooLarge, match="10 values in telemetry in 60 s, and there are more"):
        it.check_telemetry(1, 11, NOW_MS)


async def test_limits_change_while_a_device_is_connected(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite, device_messages="1:60")
    it = site.limiter(DEVICE.id, DEVICE.tenant_id)
    assert it.allows_message(NOW_MS) and not it.allows_message(NOW_MS)
    await site.limits.reload()
    assert not it.allows_message(NOW_MS), "reading what has not changed gives nothing away"
    await site.set(device_messages="2:60")
    assert [it.allows_message(NOW_MS) for _ in range(3)] == [True, True, False]
    await site.set(device_messages="")
    assert all(it.allows_message(NOW_MS) for _ in range(100))
    await site.set(uuid4(), device_messages="1:60")
    assert all(it.allows_message(NOW_MS) for _ in range(100)), "somebody else's"


async def test_a_change_elsewhere_is_noticed(sqlite: SQLiteBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "READ_EVERY_S", 0.001)
    site = site_with(sqlite)
    reading = asyncio.create_task(site.limits.keep_fresh())
    await site.store(DEVICE.tenant_id, device_messages="1:60")
    async with asyncio.timeout(20):
        while not site.limits.is_limiting:  # noqa: ASYNC110 - it says what holds, not when
            await asyncio.sleep(0.002)
    reading.cancel()
    assert site.limits.limits_of(DEVICE.tenant_id).device_messages == "1:60"


async def test_a_change_is_never_overtaken_by_an_older_reading(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite)
    for count in range(1, 20):
        older = [asyncio.create_task(site.limits.reload()) for _ in range(5)]
        await site.set(device_messages=f"{count}:60")
        await asyncio.gather(*older)
        assert site.limits.limits_of(DEVICE.tenant_id).device_messages == f"{count}:60"


async def test_a_device_is_found_with_its_tenant_and_keeps_its_limiter(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite, device_messages="1:60")
    it = await site.limits.limiter_of(DEVICE.id)
    assert it is not None
    assert await site.limits.limiter_of(DEVICE.id) is it
    assert await site.limits.limiter_of(uuid4()) is None
    assert await site.limits.tenant_of(DEVICE.id) == DEVICE.tenant_id


async def test_no_more_devices_are_remembered_than_there_is_room_for(
    sqlite: SQLiteBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "MOST_DEVICES", 2)
    site = site_with(sqlite, device_messages="1:60")
    kept = await site.limits.limiter_of(DEVICE.id)
    await site.limits.limiter_of(OTHER.id)
    assert await site.limits.limiter_of(DEVICE.id) is kept, "heard of just now"
    site.limiter(uuid4(), DEVICE.tenant_id)
    assert await site.limits.limiter_of(DEVICE.id) is kept
    assert len(site.limits._limiters) == 2


def test_a_device_is_told_its_limits_as_clients_read_them() -> None:
    """Thingsboard §3.3: `rateLimits` is always there; an empty text is unlimited."""
    limits = LimitsInForce(device_messages="10:1,300:60", tenant_messages="1:1")
    assert session_limits(limits, 65_536, 100) == {
        "maxPayloadSize": 65_536,
        "maxInflightMessages": 100,
        "rateLimits": {"messages": "10:1,300:60,", "telemetryMessages": "", "telemetryDataPoints": ""},
    }


@pytest.mark.parametrize(
    ("limit", "devices", "allowed", "excess"),
    [
        ({"device_telemetry_messages": "6400:1"}, 1, 6_400, 1 / 64),
        ({"device_telemetry_data_points": "6400:1"}, 1, 6_400, 1 / 64),
        ({"tenant_telemetry_messages": "20000:1"}, 20, 20_000, 1 / 16),
        ({"tenant_telemetry_messages": "20:1"}, 20, 20, 0),
    ],
)
async def test_what_is_taken_ahead_is_little(
    sqlite: SQLiteBench, limit: dict[str, str], devices: int, allowed: int, excess: float
) -> None:
    """Large limits are not asked about each message; yet in the end the limit is what passes."""
    site = site_with(sqlite, **limit)
    limiters = [site.limiter(uuid4(), DEVICE.tenant_id) for _ in range(devices)]
    seconds, each = 3, 2 * allowed // 100 // devices + 1
    passed = 0
    for step in range(seconds * 100):
        now_ms = NOW_MS + step * 10
        passed += sum(it.allows_telemetry(1, 1, now_ms) for it in limiters for _ in range(each))
    full = allowed * (seconds + 1) - allowed // 100
    assert full - 1 <= passed <= full * (1 + excess) + 1
    await site.set(device_telemetry_messages="1:60")
    assert [limiters[0].allows_telemetry(1, 0, NOW_MS + 9_000) for _ in range(2)] == [True, False], "at once"


async def test_who_sends_as_fast_as_it_may_is_never_refused(sqlite: SQLiteBench) -> None:
    site = site_with(sqlite, device_telemetry_messages="1000:1", tenant_telemetry_messages="100000:1")
    it = site.limiter(DEVICE.id, DEVICE.tenant_id)
    for moment_ms in range(5_000):
        it.check_telemetry(1, 1, NOW_MS + moment_ms)
