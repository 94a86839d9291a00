"""DTLS as it lies in datagrams: what can be told before anything is decrypted; cookies (RFC 6347, §4.2.1).

A cookie proves that a client receives what is sent to its address, and costs the server no memory.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator

from OpenSSL import SSL

#: What fits into any path's datagram together with the headers around it (RFC 7252, §4.6).
MOST_DATAGRAM_BYTES = 1_200
_HEADER_BYTES = 13
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_HELLO_TYPE, _FRAGMENT, _RANDOM = 13, slice(19, 22), slice(27, 59)
_EPOCH = slice(3, 5)
_COOKIE_WINDOW_MS = 60_000
_COOKIE_BYTES = 16


def hello_random(datagram: bytes) -> bytes:
    """Return the random number of the ClientHello that a datagram is: it is known by that. Else nothing."""
    is_hello = (
        len(datagram) >= _RANDOM.stop
        and datagram[0] == _HANDSHAKE
        and datagram[_EPOCH] == b"\0\0"
        and datagram[_HELLO_TYPE] == _CLIENT_HELLO
        and datagram[_FRAGMENT] == b"\0\0\0"
    )
    return datagram[_RANDOM] if is_hello else b""


def in_datagrams(records: bytes) -> Iterator[bytes]:
    """Fill datagrams with whole records; one that is longer than a datagram should be has one of its own."""
    start = at = 0
    while at < len(records):
        end = at + _HEADER_BYTES + int.from_bytes(records[at + 11 : at + 13], "big")
        if end - start > MOST_DATAGRAM_BYTES and at > start:
            yield records[start:at]
            start = at
        at = end
    if start < len(records):
        yield records[start:]


class Cookies:
    """Makes cookies for addresses, the app data of connections. They are good for one to two minutes."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._key = secrets.token_bytes(32)

    def attach(self, context: SSL.Context) -> None:
        """Have a context ask for cookies."""
        context.set_cookie_generate_callback(self._new)
        context.set_cookie_verify_callback(self._is_good)

    def _new(self, tls: SSL.Connection) -> bytes:
        return self._cookie(tls, self._clock_ms() // _COOKIE_WINDOW_MS)

    def _is_good(self, tls: SSL.Connection, cookie: bytes) -> bool:
        window = self._clock_ms() // _COOKIE_WINDOW_MS
        return any(hmac.compare_digest(cookie, self._cookie(tls, it)) for it in (window, window - 1))

    def _cookie(self, tls: SSL.Connection, window: int) -> bytes:
        text = f"{window} {tls.get_app_data()}".encode()
        return hmac.new(self._key, text, hashlib.sha256).digest()[:_COOKIE_BYTES]
