"""The key ring: digests, ciphertexts, generations, and what was tampered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.keys import KeyRing, same
from deedbox.core.ownership import Window, WindowKind
from deedbox.core.presented_keys import PresentedKey
from deedbox.testing.claim_scene import made_id, ring

DEVICE, OTHER = made_id(1), made_id(2)
NONCE = bytes(12)


def test_a_ring_needs_a_key() -> None:
    with pytest.raises(ValueError, match="at least one generation"):
        KeyRing({})


def test_digests_are_bound_to_their_row_and_their_ring() -> None:
    digest = ring(1).digest(DEVICE, "secret")
    assert (len(digest), digest[0]) == (33, 1)
    assert digest == ring(1).digest(DEVICE, "secret")
    others = [
        ring(1).digest(OTHER, "secret"),
        ring(2).digest(DEVICE, "secret"),
        ring(1).digest(DEVICE, "Secret"),
    ]
    assert digest not in others


def test_old_generations_are_still_recognised_and_new_ones_are_used() -> None:
    """Behaviour §7: rotation."""
    old, both, new = ring(1), ring(1, 2), ring(2)
    stored = old.digest(DEVICE, "secret")
    assert both.newest == 2
    assert both.generations == [1, 2]
    assert both.digest(DEVICE, "secret") == new.digest(DEVICE, "secret")
    window = Window(WindowKind.ANNOUNCED, stored, 0)
    assert PresentedKey("secret", DEVICE, both).opens(window)
    assert not PresentedKey("secret", DEVICE, new).opens(window)
    sealed = old.encrypt("secret", DEVICE.bytes, NONCE)
    assert both.decrypt(sealed, DEVICE.bytes) == "secret"
    assert both.encrypt("secret", DEVICE.bytes, NONCE)[0] == 2
    assert [it[0] for it in both.lookup_digests(b"token", "secret")] == [2, 1]
    assert both.signing_key(1) == old.signing_key(1)
    assert both.signing_key(3) is None


@given(st.text(), st.binary(min_size=12, max_size=12))
def test_a_ciphertext_opens_to_its_text(text: str, nonce: bytes) -> None:
    assert ring(1).decrypt(ring(1).encrypt(text, DEVICE.bytes, nonce), DEVICE.bytes) == text


def test_lone_surrogates_are_text_too() -> None:
    """JSON may carry them; they are compared as they came."""
    keys = ring(1)
    assert keys.decrypt(keys.encrypt("\ud800", DEVICE.bytes, NONCE), DEVICE.bytes) == "\ud800"
    assert keys.digest(DEVICE, "\ud800") != keys.digest(DEVICE, "\ud801")


@pytest.mark.parametrize("place", [0, 1, 13, -1])
def test_a_changed_byte_is_told(place: int) -> None:
    sealed = bytearray(ring(1).encrypt("secret", DEVICE.bytes, NONCE))
    sealed[place] ^= 1
    with pytest.raises(ValueError, match=r"decrypt|generation"):
        ring(1).decrypt(bytes(sealed), DEVICE.bytes)


@pytest.mark.parametrize("length", [0, 1, 5, 13, 20])
def test_a_truncated_ciphertext_is_told(length: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ring(1).decrypt(ring(1).encrypt("secret", DEVICE.bytes, NONCE)[:length], DEVICE.bytes)


def test_a_ciphertext_moved_to_another_row_is_told() -> None:
    with pytest.raises(ValueError, match="does not decrypt"):
        ring(1).decrypt(ring(1).encrypt("secret", DEVICE.bytes, NONCE), OTHER.bytes)


def test_a_removed_generation_is_named() -> None:
    with pytest.raises(ValueError, match="generation 1 is not in the key file"):
        ring(2).decrypt(ring(1).encrypt("secret", DEVICE.bytes, NONCE), DEVICE.bytes)


def test_lookup_digests_differ_by_purpose() -> None:
    [token], [link] = ring(1).lookup_digests(b"token", "x"), ring(1).lookup_digests(b"link", "x")
    assert (len(token), len(link)) == (17, 17)
    assert token != link


def test_same_finds_any_candidate() -> None:
    assert same((b"a", b"b"), b"b")
    assert same((b"b", b"a"), b"b")
    assert not same((b"a",), b"b")
    assert not same((), b"b")


def test_a_short_code_opens_its_own_kind_only() -> None:
    """Behaviour §2.4: any other key is compared byte for byte."""
    digest = ring(1).digest(DEVICE, "BCDFGHJKQ")
    presented = PresentedKey("bcd-fgh-jkq", DEVICE, ring(1))
    opened = [kind for kind in WindowKind if presented.opens(Window(kind, digest, 0))]
    assert opened == [WindowKind.LABEL_SHORT_CODE]
    assert presented.was_among([b"x" * 33, digest])
    assert not presented.was_among([])
