"""What a label says: the link that a phone camera opens, and the short code for people without one."""

import re
from urllib.parse import quote, unquote

from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36

#: Digits and consonants without look-alikes (ISO 7064 MOD 31,30 works over these 30 symbols).
SHORT_CODE_ALPHABET = "0123456789BCDFGHJKMNPQRSTVWXYZ"
SHORT_CODE_LENGTH = 9
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_QR_KEY_BITS = 128
_LONGEST_TEXT = 1024
#: As people type short codes: nine symbols at a stretch, or three groups of about three.
_TYPED_CODE = re.compile(r"[0-9A-Za-z]{9}|[0-9A-Za-z]{2,4}([-. ][0-9A-Za-z]{2,4}){2}")


def link(address: str, device_name: str, secret_key: str) -> str:
    """Return the text of a label's QR code; `address` is the page, as `https://host/d`.

    Name and key sit in the fragment, which browsers do not send to any server.
    """
    return f"{address}#{_encoded(device_name)}.{_encoded(secret_key)}"


def read_fragment(fragment: str) -> tuple[str, str] | None:
    """Return (device name, secret key) of a link's fragment, None when it is not one."""
    name, dot, key = fragment.removeprefix("#").partition(".")
    if not dot or not name or len(fragment) > _LONGEST_TEXT:
        return None
    return unquote(name), unquote(key)


def new_qr_key(entropy: bytes) -> str:
    """Return a 26-character base32 key from 17 random bytes (128 bits are used)."""
    number = int.from_bytes(entropy[:17], "big") >> (len(entropy[:17]) * 8 - 130)
    return "".join(_BASE32[(number >> shift) & 31] for shift in range(125, -1, -5))


def new_short_code(entropy: bytes) -> str:
    """Return a code as people read it, `XXX-XXX-XXX`, from at least 16 random bytes."""
    number = int.from_bytes(entropy, "big")
    symbols = ""
    for _ in range(SHORT_CODE_LENGTH - 1):
        number, index = divmod(number, len(SHORT_CODE_ALPHABET))
        symbols += SHORT_CODE_ALPHABET[index]
    code = symbols + mod_37_36.calc_check_digit(symbols, SHORT_CODE_ALPHABET)
    return "-".join(code[start : start + 3] for start in range(0, SHORT_CODE_LENGTH, 3))


def normalised_short_code(text: str) -> str | None:
    """Return the nine symbols of a typed short code, None when it is none or has a typing mistake."""
    if len(text) > _LONGEST_TEXT:
        return None
    symbols = "".join(
        symbol for symbol in text.upper().translate(_LOOK_ALIKES) if symbol in SHORT_CODE_ALPHABET
    )
    if len(symbols) != SHORT_CODE_LENGTH:
        return None
    try:
        return str(mod_37_36.validate(symbols, SHORT_CODE_ALPHABET))
    except ValidationError:
        return None


def looks_mistyped(text: str) -> bool:
    """Tell whether this looks like a short code but is none, so that no attempt is spent on a slip.

    A key of another kind may look like one by chance: whoever is sure of it may go on.
    """
    return bool(_TYPED_CODE.fullmatch(text.strip())) and normalised_short_code(text) is None


def _encoded(text: str) -> str:
    return quote(text, safe="").replace(".", "%2E")
