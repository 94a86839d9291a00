"""Addresses to listen on, networks to trust, and where traces go, as people write them in settings."""

from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

OFF = "off"


class ListenAddress(NamedTuple):
    """A host (name or address) and a TCP or UDP port."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def listen_address(text: str) -> ListenAddress | None:
    """Return the address of `HOST:PORT`, `:PORT` or `[IPV6]:PORT`; None for `off`. Raises ValueError."""
    if text == OFF:
        return None
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535:
        raise ValueError("HOST:PORT with a port from 1 to 65535, or off")
    if ":" in host and f"[{bare}]" != host:
        raise ValueError("brackets around an IPv6 address, as in [::1]:8080")
    return ListenAddress(bare or "0.0.0.0", int(port))  # noqa: S104 - what an empty host means


def trusted_networks(networks: tuple[str, ...]) -> None:
    """Accept addresses and networks, IPv4 or IPv6. Raises ValueError for anything else."""
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            raise ValueError("addresses or networks, as in 10.0.0.0/8 or 2001:db8::1") from None


def trace_endpoint(text: str) -> None:
    """Accept nothing, or an HTTP address without a password in it. Raises ValueError for anything else."""
    if not text:
        return
    address = urlsplit(text)
    if address.scheme not in ("http", "https") or not address.hostname or not address.path.strip("/"):
        raise ValueError("an address with a path, as in http://127.0.0.1:4318/v1/traces")
    # Wherever it stands: a password may hold a slash.
    if "@" in text or address.query:
        raise ValueError("no secrets in it: headers for the collector go to OTEL_EXPORTER_OTLP_HEADERS")
