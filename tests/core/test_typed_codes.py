"""Slips in typed short codes are told before an attempt is spent (qr)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedbox.core.labels import SHORT_CODE_ALPHABET, looks_mistyped, new_short_code

CODES = st.binary(min_size=16, max_size=16).map(new_short_code)


@given(CODES)
def test_a_code_as_printed_is_no_slip(code: str) -> None:
    for typed in (code, code.lower(), code.replace("-", ""), code.replace("-", " "), f" {code} "):
        assert not looks_mistyped(typed)
    assert not looks_mistyped(code.replace("0", "O").replace("1", "l"))


@given(CODES, st.integers(0, 8), st.sampled_from(SHORT_CODE_ALPHABET))
def test_one_wrong_symbol_is_a_slip(code: str, place: int, symbol: str) -> None:
    symbols = code.replace("-", "")
    typed = symbols[:place] + symbol + symbols[place + 1 :]
    assert looks_mistyped(typed) == (symbols[place] != symbol)


def test_neighbours_in_the_wrong_order_are_nearly_always_a_slip() -> None:
    """One check character finds every single wrong symbol, but not every swap: about 3 in 1,000 pass."""
    passed = tried = 0
    for seed in range(1_000):
        code = new_short_code(seed.to_bytes(16, "big") * 2).replace("-", "")
        for place in range(8):
            if code[place] == code[place + 1]:
                continue
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            tried += 1
            passed += not looks_mistyped(swapped)
    assert passed / tried < 0.01


@pytest.mark.parametrize("typed", ["ABC-DEF-GH", "7KD-2X9-M4", "7KD 2X9 M4PP", "AEU-AEU-AEU"])
def test_too_short_or_long_or_foreign_is_a_slip(typed: str) -> None:
    assert looks_mistyped(typed)


@pytest.mark.parametrize("typed", ["", "secret", "my long secret key", "K3YOFTHEDEVICE234567ABCDEF", "a-b-c"])
def test_keys_of_other_kinds_are_left_alone(typed: str) -> None:
    assert not looks_mistyped(typed)
