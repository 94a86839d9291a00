"""Attacks on the keys themselves: where they are kept, how they are made, how long they work."""

import logging
import random
from collections import Counter
from inspect import signature

import pytest

from deedbox.core import labels
from deedbox.core.claim_requests import Answer
from deedbox.core.devices import Device
from deedbox.core.errors import InvalidValue
from deedbox.core.ownership import WindowKind
from deedbox.core.windows import Announcement, check_secret_key
from deedbox.testing.claim_scene import ALICE, BOB, TENANT, ClaimScene, made_device
from tests.storage.sqlite_bench import SQLiteBench

ANNOUNCED, SET, GUESS = "ANNOUNCED-secret-7f3a", "SET-secret-91bc", "GUESSED-secret-55de"


async def test_a23_no_key_in_files_logs_or_records(
    scene: ClaimScene, bench: SQLiteBench, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """Attacks A23, behaviour §6.6: files, records, log lines, representations."""
    caplog.set_level(logging.DEBUG)
    await scene.announce(device, ANNOUNCED)
    await scene.set_key(device, SET)
    wrong = scene.wish(BOB, device.name, GUESS)
    assert [it.answer for it in await scene.claim_all([wrong])] == [Answer.FAILURE]
    assert (await scene.claim(ALICE, device, ANNOUNCED)).answer is Answer.SUCCESS
    assert (await scene.claim(BOB, device, SET)).answer is Answer.CLAIMED
    files = [it for it in bench.storage.path.parent.iterdir() if it.is_file()]
    assert {it.suffix for it in files} >= {".sqlite", ".sqlite-wal"}
    kept = b"".join(it.read_bytes() for it in files)
    shown = " ".join(
        map(repr, [wrong, Announcement(device.id, ANNOUNCED), scene.keys, *scene.keys._generations.values()])
    )
    told = f"{await bench.audit(TENANT)} {await bench.events(TENANT)} {caplog.text} {shown}"
    assert device.name.encode() in kept
    for secret in (ANNOUNCED, SET, GUESS):
        assert secret.encode() not in kept
        assert secret.encode("utf-16-le") not in kept
        assert secret not in told
    for key in scene.keys._generations.values():
        assert key.digest not in kept
        assert repr(key.digest)[2:-1] not in told


def test_a23_refusing_a_key_does_not_repeat_it() -> None:
    """Attacks A23."""
    with pytest.raises(InvalidValue) as refused:
        check_secret_key("k3y" * 100)
    assert "k3y" not in str(refused.value)
    assert "300" in str(refused.value)


def test_a26_keys_come_from_randomness_and_nothing_else() -> None:
    """Attacks A26: what makes a key is given random bytes only, no name, no serial number."""
    for make in (labels.new_qr_key, labels.new_short_code):
        assert list(signature(make).parameters) == ["entropy"]


def test_a26_every_symbol_is_as_likely_as_any_other() -> None:
    """Attacks A26: chi-square at each place of 30,000 keys from a fixed stream; far tail only."""
    stream = random.Random(2026)
    codes = [labels.new_short_code(stream.randbytes(16)).replace("-", "") for _ in range(30_000)]
    keys = [labels.new_qr_key(stream.randbytes(17)) for _ in range(30_000)]
    for made, symbols, places in ((codes, 30, 9), (keys, 32, 26)):
        assert len(set(made)) == len(made)
        assert {len(it) for it in made} == {places}
        for place in range(places):
            counts = Counter(it[place] for it in made)
            expected = len(made) / symbols
            assert len(counts) == symbols
            assert sum((count - expected) ** 2 / expected for count in counts.values()) < 80


def test_a26_neighbouring_randomness_makes_unlike_keys() -> None:
    """Attacks A26: all of the entropy that is asked for is used; one bit changes the key."""
    base = bytes(range(17))
    flipped = [
        labels.new_qr_key((int.from_bytes(base, "big") ^ (1 << bit)).to_bytes(17, "big"))
        for bit in range(6, 136)
    ]
    assert len({labels.new_qr_key(base), *flipped}) == 131


async def test_a27_a_device_cannot_keep_its_window_open_for_ever(scene: ClaimScene, device: Device) -> None:
    """Attacks A27, behaviour §2.3: clamped, and the caller told so that it is logged."""
    answer = await scene.announce(device, "key", 10 * 365 * 86_400_000)
    assert answer.clamped
    assert answer.expires_at == scene.bench.now_ms + scene.policy.max_duration_ms
    scene.bench.now_ms = answer.expires_at + 1
    assert (await scene.claim(ALICE, device, "key")).answer is Answer.FAILURE


@pytest.mark.parametrize("typed", ["bcd fgh jk{}", "BCD-FGH-JK{}", " bcdfghjk{} ", "b.c.d/f.g.h/j.k.{}"])
async def test_a33_a_short_code_reads_the_same_when_made_and_when_typed(
    scene: ClaimScene, typed: str
) -> None:
    """Attacks A33: normalised identically on both sides."""
    device = await scene.prepare()
    [check] = [it for it in labels.SHORT_CODE_ALPHABET if labels.normalised_short_code(f"BCDFGHJK{it}")]
    await scene.set_key(device, f"BCD-FGH-JK{check}", WindowKind.LABEL_SHORT_CODE)
    assert (await scene.claim(ALICE, made_device(1), typed.format(check))).answer is Answer.SUCCESS
