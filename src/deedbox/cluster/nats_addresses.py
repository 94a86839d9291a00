"""Reads where NATS is from a setting: URLs, with credentials that never go further than its servers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import ParseResult, unquote, urlparse

import msgspec

_SCHEMES = ("nats", "tls")
_EXPECTED = "expected nats://HOST:PORT or tls://HOST:PORT, several with commas between"


class NatsAddresses(msgspec.Struct, frozen=True):
    """`servers` are URLs without credentials; `only_tls`: what is sent must be encrypted.

    With a user but no password, the user is a token.
    """

    servers: list[str]
    only_tls: bool
    user: str = ""
    password: str = ""

    def credentials(self, before: Callable[[], None]) -> dict[str, Any]:
        """Return the client's options for signing in; `before` is called just before they are sent."""

        def given(secret: str) -> Callable[[], str]:
            def give() -> str:
                before()
                return secret

            return give

        if self.password:
            return {"user": given(self.user), "password": given(self.password)}
        return {"token": given(self.user)} if self.user else {}


def nats_addresses(text: str) -> NatsAddresses:
    """Read a setting. Raises ValueError that says what is expected, and does not repeat what was written."""
    urls = [_parsed(it.strip()) for it in text.split(",")]
    if len({it.scheme for it in urls}) > 1:
        raise ValueError("nats:// and tls:// are mixed: what is sent to the former can be read on the way")
    signed_in = next((it for it in urls if it.username), urls[0])
    return NatsAddresses(
        servers=[f"{it.scheme}://{it.netloc.rpartition('@')[2]}" for it in urls],
        only_tls=urls[0].scheme == "tls",
        user=unquote(signed_in.username or ""),
        password=unquote(signed_in.password or ""),
    )


def check_nats_addresses(text: str) -> None:
    """Accept what `nats_addresses` reads, and nothing at all. Raises ValueError."""
    if text:
        nats_addresses(text)


def _parsed(url: str) -> ParseResult:
    try:
        parsed = urlparse(url)
        complete = parsed.scheme in _SCHEMES and parsed.hostname and (parsed.port or 4222)
    except ValueError:
        complete = None
        parsed = urlparse("")
    if not complete or parsed.path not in {"", "/"}:
        raise ValueError(_EXPECTED)
    return parsed
