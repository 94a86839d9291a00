"""Labels that wait for a sign-in: what is accepted, kept and shown of them (behaviour §6.7)."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from deedbox.core import claim_intents
from deedbox.core.claim_intents import ClaimIntent, ClaimPagePolicy, Label
from deedbox.core.errors import InvalidValue, TooManyAttempts
from deedbox.core.keys import KeyRing, RingKey
from deedbox.storage.stores import Stores
from tests.storage.sqlite_bench import SQLiteBench, new_database

OLD, NEW = RingKey(b"d" * 32, b"e" * 32, b"s" * 32), RingKey(b"D" * 32, b"E" * 32, b"S" * 32)
TENANT = uuid4()
LABEL = Label("THERMO-000123", "secret key")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[SQLiteBench]:
    opened = SQLiteBench(new_database(tmp_path))
    yield opened
    await opened.close()


async def _keep(bench: SQLiteBench, keys: KeyRing, policy: ClaimPagePolicy, address: str = "::1") -> str:
    async def work(stores: Stores) -> str:
        store = stores.claim_intents
        return await claim_intents.keep(store, keys, policy, ClaimIntent(TENANT, LABEL), address)

    return await bench.storage.write(work)


async def _find(bench: SQLiteBench, keys: KeyRing, token: str) -> ClaimIntent | None:
    return await bench.storage.look(lambda it: claim_intents.find(it.claim_intents, keys, token))


async def test_an_intent_outlives_a_new_key_generation(bench: SQLiteBench) -> None:
    token = await _keep(bench, KeyRing({1: OLD}), ClaimPagePolicy())
    assert await _find(bench, KeyRing({1: OLD, 2: NEW}), token) == ClaimIntent(TENANT, LABEL)
    assert await _find(bench, KeyRing({2: NEW}), token) is None


async def test_another_token_finds_nothing(bench: SQLiteBench) -> None:
    keys = KeyRing({1: OLD})
    token = await _keep(bench, keys, ClaimPagePolicy())
    for guess in ("", token[:-1], token + "A", token.swapcase()):
        assert await _find(bench, keys, guess) is None


async def test_an_intent_ends_to_the_millisecond(bench: SQLiteBench) -> None:
    keys = KeyRing({1: OLD})
    token = await _keep(bench, keys, ClaimPagePolicy(intent_minutes=1))
    bench.now_ms += 60_000
    assert await _find(bench, keys, token)
    bench.now_ms += 1
    assert await _find(bench, keys, token) is None


async def test_a_row_that_was_moved_does_not_decrypt(bench: SQLiteBench) -> None:
    """A ciphertext opens only beside the digest that it was made for."""
    keys = KeyRing({1: OLD})
    mine, other = [await _keep(bench, keys, ClaimPagePolicy()) for _ in range(2)]
    bench._do("update claim_intent set ciphertext = (select max(ciphertext) from claim_intent)")
    found = [await _find(bench, keys, token) for token in (mine, other)]
    assert found.count(None) == 1


async def test_the_budget_is_per_network(bench: SQLiteBench) -> None:
    """Behaviour §6.1: an IPv6 /64 is one source; the wait is until the oldest attempt leaves the window."""
    keys, policy = KeyRing({1: OLD}), ClaimPagePolicy(intents_per_address=2, intents_window_s=10)
    await _keep(bench, keys, policy, "2001:db8::1")
    bench.now_ms += 4_000
    await _keep(bench, keys, policy, "2001:db8::2")
    with pytest.raises(TooManyAttempts) as refused:
        await _keep(bench, keys, policy, "2001:db8::ffff:3")
    assert refused.value.retry_after_ms == 6_000
    await _keep(bench, keys, policy, "2001:db8:0:1::1")
    bench.now_ms += 6_000
    await _keep(bench, keys, policy, "2001:db8::3")


@pytest.mark.parametrize("fragment", ["a.b", "#a.b", "a.b.c", "%2E.", "a%20b.%2F"])
def test_labels_are_read(fragment: str) -> None:
    """QR: split at the first dot, both halves decoded."""
    name, _, key = fragment.lstrip("#").partition(".")
    read = claim_intents.label_of(fragment)
    plain = {"%2E": ".", "%20": " ", "%2F": "/"}
    for code, symbol in plain.items():
        name, key = name.replace(code, symbol), key.replace(code, symbol)
    assert (read.device_name, read.secret_key) == (name, key)


BAD = ["", "a", ".b", "%20.b", "x" * 256 + ".b", "a." + "x" * 257, "a." + "%41" * 400, "\ud800.b"]


@pytest.mark.parametrize("fragment", BAD)
def test_incomplete_labels_are_refused_without_repeating_them(fragment: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        claim_intents.label_of(fragment)
    assert "xxx" not in refused.value.message


def test_no_representation_shows_the_key() -> None:
    """Behaviour §6.6: representations end in logs."""
    assert "secret key" not in repr(ClaimIntent(TENANT, LABEL))
    assert LABEL.ending == "0123"
