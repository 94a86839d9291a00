"""Requests that come together share a look-up; each hears what is true of its own token."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.credentials import new_credentials
from deedbox.core.keys import KeyRing
from deedbox.storage.stores import Stores
from deedbox.testing.claim_scene import ClaimScene, made_device
from deedbox.transports.token_lookups import TokenLookups
from tests.storage.sqlite_bench import SQLiteBench, new_database

DEVICES = {f"token {number}": made_device(number).id for number in (1, 2, 3)}


class Site:
    """Devices with tokens in a real database."""

    def __init__(self, bench: SQLiteBench, keys: KeyRing) -> None:
        self.bench = bench
        self.keys = keys
        self.lookups = TokenLookups(bench.storage, keys)

    async def give(self, number: int, token: str) -> None:
        """Put a token in the place of the one that the device had."""
        device_id, draft = made_device(number).id, CredentialsDraft(credentials_id=token)

        async def work(stores: Stores) -> None:
            made = new_credentials(stores.credentials, self.keys, device_id, draft, self.bench.now_ms)
            await stores.credentials.put_credentials([made])

        await self.bench.storage.write(work)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    bench = SQLiteBench(new_database(tmp_path))
    scene = ClaimScene(bench)
    await scene.prepare(3)
    site = Site(bench, scene.keys)
    for number in (1, 2, 3):
        await site.give(number, f"token {number}")
    yield site
    await bench.close()


async def test_each_hears_of_its_own_token(site: Site) -> None:
    asked = ["token 2", "nobody's", "token 1", "token 2", *["wrong"] * 100, "token 3"]
    found = await asyncio.gather(*(site.lookups.device_of(it) for it in asked))
    assert found == [DEVICES.get(it) for it in asked]


async def test_nothing_is_remembered(site: Site) -> None:
    assert await site.lookups.device_of("token 1") == DEVICES["token 1"]
    await site.give(1, "another")
    found = [await site.lookups.device_of(it) for it in ("token 1", "another")]
    assert found == [None, DEVICES["token 1"]]


async def test_who_goes_away_takes_nobody_along(site: Site) -> None:
    gone, stays = (asyncio.ensure_future(site.lookups.device_of(f"token {it}")) for it in (1, 2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == DEVICES["token 2"]
    assert gone.cancelled()


async def test_all_hear_that_they_can_not_be_looked_up(site: Site) -> None:
    site.bench.sql("alter table device_credentials rename to mislaid")
    asked = (site.lookups.device_of(f"token {it}") for it in (1, 2))
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(it) for it in told] == [sqlite3.OperationalError] * 2
