"""Tokens and what they are found by: made without favour, found under every key generation, unique."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from deedbox.core.credential_kinds import CredentialsDraft
from deedbox.core.credentials import (
    TOKEN_LENGTH,
    change_credentials,
    credentials_of,
    find_by_token,
    new_credentials,
    new_token,
    rotate_tokens,
)
from deedbox.core.errors import InvalidValue, VersionConflict
from deedbox.core.keys import KeyRing, RingKey
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.storage.stores import Stores
from tests.storage.sqlite_bench import new_database

OLD = RingKey(b"d" * 32, b"e" * 32, b"s" * 32)
NEW = RingKey(b"D" * 32, b"E" * 32, b"S" * 32)
BEFORE, AFTER = KeyRing({1: OLD}), KeyRing({1: OLD, 2: NEW})


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SQLiteStorage]:
    opened = SQLiteStorage(new_database(tmp_path))
    yield opened
    await opened.close()


async def give(storage: SQLiteStorage, keys: KeyRing, device_id: UUID, token: str) -> None:
    async def work(stores: Stores) -> None:
        draft = CredentialsDraft(credentials_id=token)
        made = new_credentials(stores.credentials, keys, device_id, draft, 1)
        await stores.credentials.put_credentials([made])

    await storage.write(work)


async def found(storage: SQLiteStorage, keys: KeyRing, token: str) -> UUID | None:
    return await storage.read(lambda stores: find_by_token(stores.credentials, keys, token))


async def test_tokens_favour_no_symbol(storage: SQLiteStorage) -> None:
    """Thingsboard §6.4: 20 letters and digits; attacks A26: nothing is derived from anything."""

    async def work(stores: Stores) -> list[str]:
        return [new_token(stores.credentials) for _ in range(2000)]

    tokens = await storage.write(work)
    assert len(set(tokens)) == 2000
    assert {len(token) for token in tokens} == {TOKEN_LENGTH}
    seen = Counter("".join(tokens))
    assert len(seen) == 62
    # 40,000 symbols of 62 kinds: 645 each, give or take six standard deviations.
    assert all(490 < count < 800 for count in seen.values())


async def test_a_token_is_found_after_the_keys_were_rotated(storage: SQLiteStorage) -> None:
    """Behaviour §7: `secrets rotate` adds a generation; devices must not notice."""
    device_id = uuid4()
    await give(storage, BEFORE, device_id, "token")
    assert await found(storage, AFTER, "token") == device_id
    await give(storage, AFTER, device_id, "token")
    assert await found(storage, AFTER, "token") == device_id
    assert await found(storage, BEFORE, "token") is None


async def test_a_token_is_unique_over_generations(storage: SQLiteStorage) -> None:
    """Behaviour §1: the index compares digests of one generation only; the rule looks at all."""
    first, second = uuid4(), uuid4()
    await give(storage, BEFORE, first, "token")
    await give(storage, AFTER, second, "other")

    async def steal(stores: Stores) -> None:
        draft = CredentialsDraft(credentials_id="token")
        await change_credentials(stores.credentials, AFTER, second, draft, None)

    with pytest.raises(InvalidValue, match="another device"):
        await storage.write(steal)
    assert await found(storage, AFTER, "token") == first


async def test_the_index_has_the_last_word(storage: SQLiteStorage) -> None:
    """Behaviour §1: even where nobody looked first."""
    await give(storage, BEFORE, uuid4(), "token")
    with pytest.raises(InvalidValue, match="another device"):
        await give(storage, BEFORE, uuid4(), "token")


async def test_rotated_tokens_stop_working(storage: SQLiteStorage) -> None:
    """Behaviour §5.5."""
    device_id = uuid4()
    await give(storage, BEFORE, device_id, "token")

    async def rotate(stores: Stores) -> str:
        await rotate_tokens(stores.credentials, BEFORE, [device_id, uuid4()])
        after = await credentials_of(stores.credentials, BEFORE, device_id)
        assert after is not None and after.version == 2
        return after.credentials_id

    fresh = await storage.write(rotate)
    assert await found(storage, BEFORE, "token") is None
    assert await found(storage, BEFORE, fresh) == device_id


async def test_a_version_that_was_not_seen_is_refused(storage: SQLiteStorage) -> None:
    """Thingsboard §6.2: code 35."""
    device_id = uuid4()
    await give(storage, BEFORE, device_id, "token")

    async def work(stores: Stores) -> None:
        await change_credentials(stores.credentials, BEFORE, device_id, CredentialsDraft(), 7)

    with pytest.raises(VersionConflict):
        await storage.write(work)


async def test_a_ciphertext_opens_for_its_device_only(storage: SQLiteStorage) -> None:
    """Behaviour §3.5: whoever writes to the database can't move a token to another device."""
    first, second = uuid4(), uuid4()
    await give(storage, BEFORE, first, "one")
    await give(storage, BEFORE, second, "two")

    async def work(stores: Stores) -> None:
        sql = stores.credentials
        rows = await sql.credentials_of([first, second])
        moved = [
            type(it)(it.device_id, it.id, it.kind, it.lookup_digest, rows[other].ciphertext, 1, 1)
            for it, other in ((rows[first], second), (rows[second], first))
        ]
        await sql.put_credentials(moved)
        with pytest.raises(ValueError, match="does not decrypt"):
            await credentials_of(sql, BEFORE, first)

    await storage.write(work)
