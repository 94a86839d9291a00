"""What labels say: links, keys, short codes, their check characters and look-alikes."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deedbox.core import labels
from deedbox.core.labels import SHORT_CODE_ALPHABET, normalised_short_code

codes = st.binary(min_size=16, max_size=16).map(labels.new_short_code)


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_a_link_reads_back(name: str, key: str) -> None:
    """qr: name and key percent-encoded, a dot written %2E, split at the dot."""
    text = labels.link("https://claim.example/d", name, key)
    address, fragment = text.split("#")
    assert address == "https://claim.example/d"
    assert fragment.count(".") == 1
    assert text.isascii()
    assert labels.read_fragment(fragment) == (name, key)
    assert labels.read_fragment("#" + fragment) == (name, key)


@pytest.mark.parametrize("fragment", ["", "#", "name", ".key", "#.key", "a." + "k" * 1024])
def test_what_is_no_label_is_told_apart(fragment: str) -> None:
    assert labels.read_fragment(fragment) is None


@given(codes)
def test_a_code_reads_as_people_type_it(code: str) -> None:
    """qr: any case, O for 0, I and L for 1, anything else dropped."""
    symbols = code.replace("-", "")
    assert len(code) == 11
    assert set(symbols) <= set(SHORT_CODE_ALPHABET)
    typed = [code, symbols, code.lower(), f" {code}\n", symbols.replace("0", "o").replace("1", "l")]
    typed += [symbols.replace("0", "O").replace("1", "I"), ".".join(symbols), "AEU" + symbols]
    assert {normalised_short_code(it) for it in typed} == {symbols}
    assert normalised_short_code(symbols) == symbols


@given(codes, st.integers(0, 8), st.sampled_from(SHORT_CODE_ALPHABET))
def test_one_wrong_symbol_is_told(code: str, place: int, symbol: str) -> None:
    """qr: ISO 7064 MOD 31,30."""
    symbols = code.replace("-", "")
    assume(symbols[place] != symbol)
    assert normalised_short_code(symbols[:place] + symbol + symbols[place + 1 :]) is None


def test_nearly_all_swaps_are_told() -> None:
    """Over all pairs of neighbours in one place, as ISO 7064 promises."""
    missed = 0
    for one in SHORT_CODE_ALPHABET:
        for other in SHORT_CODE_ALPHABET:
            [right] = [it for it in SHORT_CODE_ALPHABET if normalised_short_code(f"000{one}{other}000{it}")]
            missed += one != other and normalised_short_code(f"000{other}{one}000{right}") is not None
    assert missed / (30 * 29) < 0.01


@pytest.mark.parametrize("typed", ["", "BCD", "BCD-FGH-JK", "BCD-FGH-JKQQ", "BCD-FGH-JKB", "é" * 9])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert normalised_short_code(typed) is None


def test_a_known_code() -> None:
    """Worked out by hand: each step doubles modulo 31 and adds modulo 30."""
    assert normalised_short_code("bcd-fgh-jkq") == "BCDFGHJKQ"
    assert normalised_short_code("OIL-OIL-OI" + _check("01101101")) == "01101101" + _check("01101101")


def _check(symbols: str) -> str:
    product = 30
    for symbol in symbols:
        total = (product + SHORT_CODE_ALPHABET.index(symbol)) % 30 or 30
        product = total * 2 % 31
    return SHORT_CODE_ALPHABET[(1 - product) % 30]


@given(st.binary(min_size=17, max_size=17))
def test_a_qr_key_is_base32_without_padding(entropy: bytes) -> None:
    """qr: 26 characters."""
    key = labels.new_qr_key(entropy)
    assert len(key) == 26
    assert set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
