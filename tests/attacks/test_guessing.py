"""Attacks by guessing: brute force, spraying, oracles, and guesses meant to hurt the holder."""

import hmac
import math
from uuid import UUID

import msgspec
import pytest

from deedbox.core import keys
from deedbox.core.claim_requests import Answer, ClaimRequest
from deedbox.core.devices import Device
from deedbox.core.labels import SHORT_CODE_ALPHABET, SHORT_CODE_LENGTH
from deedbox.core.ownership import ClaimPolicy
from deedbox.testing.claim_scene import (
    ACME,
    ALICE,
    ANNE,
    BOB,
    GLOBEX,
    HOUR_MS,
    NINA,
    TENANT,
    ClaimScene,
    Person,
    made_device,
    made_id,
)
from tests.storage.sqlite_bench import SQLiteBench

SECRET = "the right key"
YEAR_S = 365 * 24 * 3600


def stranger(number: int, customer_id: UUID = GLOBEX) -> Person:
    """Return one of many accounts of a customer."""
    return Person(f"stranger {number}", made_id(10_000 + number), TENANT, customer_id)


async def test_a01_wrong_tries_at_one_device_are_throttled(scene: ClaimScene, device: Device) -> None:
    """Attacks A01, behaviour §6.1."""
    await scene.announce(device, SECRET)
    answers = [(await scene.claim(BOB, device, f"guess {n}")).answer for n in range(8)]
    assert answers == [Answer.FAILURE] * 5 + [Answer.TOO_MANY_ATTEMPTS] * 3
    # Nothing else is looked at: even the right key has to wait.
    outcome = await scene.claim(BOB, device, SECRET)
    assert (outcome.answer, outcome.retry_after_ms) == (Answer.TOO_MANY_ATTEMPTS, 300_000)
    scene.bench.now_ms += outcome.retry_after_ms - 1
    assert (await scene.claim(BOB, device, SECRET)).answer is Answer.TOO_MANY_ATTEMPTS
    scene.bench.now_ms += 1
    assert (await scene.claim(BOB, device, SECRET)).answer is Answer.SUCCESS


def test_a01_the_shortest_key_outlives_any_guesser() -> None:
    """Attacks A01: more than ten years expected at the allowed rate, even for a thousand accounts."""
    policy = ClaimPolicy()
    codes = len(SHORT_CODE_ALPHABET) ** (SHORT_CODE_LENGTH - 1)
    guesses_per_year = policy.attempts_per_device / policy.attempts_window_s * YEAR_S
    assert math.log2(codes) >= 39
    assert codes / 2 / guesses_per_year > 10_000
    assert codes / 2 / (1000 * guesses_per_year) > 10


async def test_a02_spraying_over_names_spends_the_users_budget(scene: ClaimScene) -> None:
    """Attacks A02: one guess on each of many devices, real or not; the tenant hears of the burst."""
    await scene.prepare(15)
    wishes = [scene.wish(BOB, f"device-{number}", "1234") for number in range(1, 31)]
    answers = [(await scene.claim_all([it]))[0].answer for it in wishes]
    assert answers.count(Answer.TOO_MANY_ATTEMPTS) == 10
    assert answers.index(Answer.TOO_MANY_ATTEMPTS) == 20
    events = [it.type for it in await scene.bench.events(TENANT)]
    assert events == ["device.claim_failed_burst"]


async def refusals(scene: ClaimScene) -> list[tuple[str, ClaimRequest]]:
    """Prepare every way to be refused; return a stranger's request for each."""
    await scene.prepare(6)
    wrong, expired, taken, not_allowed, blocked = (made_device(number) for number in range(1, 6))
    await scene.announce(wrong, SECRET)
    await scene.announce(expired, SECRET, 1)
    await scene.announce(taken, SECRET)
    await scene.claim(ALICE, taken, SECRET)
    await scene.announce(not_allowed, SECRET)
    await scene.announce(blocked, SECRET)
    await scene.bench.set_blocked(blocked.id, True)
    scene.bench.now_ms += 2
    scene.policy = msgspec.structs.replace(scene.policy, allow_by_default=False, attempts_per_user=100)
    return [
        ("unknown", scene.wish(BOB, "nobody", "guess")),
        ("wrong", scene.wish(BOB, wrong.name, "guess")),
        ("expired", scene.wish(BOB, expired.name, SECRET)),
        ("taken", scene.wish(BOB, taken.name, "guess")),
        ("not allowed", scene.wish(BOB, not_allowed.name, SECRET)),
        ("blocked", scene.wish(BOB, blocked.name, SECRET)),
        ("no window", scene.wish(BOB, "device-6", "")),
        ("another tenant's", scene.wish(NINA, taken.name, SECRET)),
    ]


async def test_a03_uniform_answers_tell_nothing(scene: ClaimScene) -> None:
    """Attacks A03, behaviour §6.3."""
    wishes = await refusals(scene)
    scene.policy = msgspec.structs.replace(scene.policy, answers="uniform")
    for what, wish in wishes:
        [outcome] = await scene.claim_all([wish])
        shown = outcome.answer, outcome.device, outcome.retry_after_ms
        assert shown == (Answer.FAILURE, None, 0), what


async def test_a03_the_owner_and_the_keys_holder_are_told(scene: ClaimScene, device: Device) -> None:
    """Behaviour §4.3: CLAIMED for the owner and for a key that the open deed burnt."""
    scene.policy = msgspec.structs.replace(scene.policy, answers="uniform")
    await scene.announce(device, SECRET)
    await scene.claim(ALICE, device, SECRET)
    told = [await scene.claim(who, device, key) for who, key in ((ANNE, "x"), (BOB, SECRET), (BOB, "x"))]
    assert [it.answer for it in told] == [Answer.CLAIMED, Answer.CLAIMED, Answer.FAILURE]


async def test_a04_unknown_names_cost_the_same_statements(scene: ClaimScene, bench: SQLiteBench) -> None:
    """Attacks A04: what the database is asked does not depend on whether there is such a device."""
    wishes = dict(await refusals(scene))
    scene.policy = msgspec.structs.replace(scene.policy, answers="uniform")
    seen: list[str] = []
    ran: dict[str, list[str]] = {}
    for what in ("unknown", "wrong", "taken", "no window", "another tenant's"):
        seen.clear()
        bench.storage._writer.set_trace_callback(lambda sql: seen.append(sql.partition("as (")[0]))
        await scene.claim_all([wishes[what]])
        bench.storage._writer.set_trace_callback(None)
        ran[what] = list(seen)
    assert len(ran["unknown"]) > 5
    assert [what for what, statements in ran.items() if statements != ran["unknown"]] == []


async def test_a05_all_stored_digests_are_compared_in_constant_time(
    scene: ClaimScene, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks A05: the first hit does not end the comparison, and texts are never compared."""
    compared: list[int] = []
    genuine = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(len(one))
        return bool(genuine(one, other))

    monkeypatch.setattr(hmac, "compare_digest", counting)
    for key in (SECRET, "not " + SECRET):
        assert keys.same(scene.keys.digests(device.id, key) * 3, scene.keys.digest(device.id, SECRET)) == (
            key == SECRET
        )
    assert compared == [33] * 6


async def test_a14_wrong_guesses_do_not_cost_the_holder_the_claim(scene: ClaimScene, device: Device) -> None:
    """Attacks A14: a thousand wrong guesses by two hundred others, some of the holder's own customer."""
    await scene.announce(device, SECRET, 24 * HOUR_MS)
    for number in range(200):
        who = stranger(number, GLOBEX if number % 2 else ACME)
        guesses = [scene.wish(who, device.name, f"guess {n}") for n in range(5)]
        assert {it.answer for it in await scene.claim_all(guesses)} == {Answer.FAILURE}
    assert (await scene.claim(ALICE, device, SECRET)).answer is Answer.SUCCESS


async def test_a31_a_batch_counts_each_item(scene: ClaimScene, device: Device) -> None:
    """Attacks A31: a thousand guesses at once are five guesses."""
    await scene.announce(device, SECRET)
    guesses = [scene.wish(BOB, device.name, f"guess {n}") for n in range(999)]
    answers = [it.answer for it in await scene.claim_all([*guesses, scene.wish(BOB, device.name, SECRET)])]
    assert answers == [Answer.FAILURE] * 5 + [Answer.TOO_MANY_ATTEMPTS] * 995
    assert await scene.owner(device) is None
    refused = [it for it in await scene.bench.audit(TENANT) if not it.success]
    assert len(refused) == 5


async def test_a31_throttled_requests_are_not_written_one_by_one(scene: ClaimScene, device: Device) -> None:
    """Behaviour §6.1: 429s are counted, not audited."""
    for _ in range(3):
        await scene.claim_all([scene.wish(BOB, device.name, "guess")] * 50)
    assert len(await scene.bench.audit(TENANT)) == 5
    assert len(await scene.bench.events(TENANT)) == 1


@pytest.mark.parametrize("presented", ["KEY", "key ", " key", "kéy", "key\0", "ke", "keyy", "", "null", "0"])
async def test_a33_variants_of_a_key_open_nothing(scene: ClaimScene, device: Device, presented: str) -> None:
    """Attacks A33: byte for byte."""
    await scene.announce(device, "key")
    assert (await scene.claim(BOB, device, presented)).answer is Answer.FAILURE
    assert (await scene.claim(ALICE, device, "key")).answer is Answer.SUCCESS


async def test_a33_an_empty_key_opens_what_was_announced_empty(scene: ClaimScene, device: Device) -> None:
    """Attacks A33, behaviour §2.4."""
    assert (await scene.claim(BOB, device, "")).answer is Answer.FAILURE
    await scene.announce(device, "")
    assert (await scene.claim(BOB, device, "anything")).answer is Answer.FAILURE
    assert (await scene.claim(ALICE, device, "")).answer is Answer.SUCCESS
