"""Sockets and TLS: all addresses are bound before any of them listens, so a start is whole or not at all."""

import errno
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from deedbox.core.device_certificates import read_pem
from deedbox.serving.addresses import ListenAddress


class CannotListen(Exception):
    """An address or a certificate can't be used; says which one and what to do."""


#: Settings whose addresses take datagrams; all others take connections.
_OF_DATAGRAMS = ("coap.listen", "coaps.listen")

#: Sockets by the setting that names their address.
Bound = Mapping[str, Sequence[socket.socket]]


def bind_all(
    addresses: Mapping[str, ListenAddress], *, is_shared: bool = False
) -> dict[str, list[socket.socket]]:
    """Bind every address, by setting name; none listens yet. Raises CannotListen, with nothing left bound.

    `is_shared`: other processes of this user may listen on the same addresses, and get their part.
    """
    bound: dict[str, list[socket.socket]] = {}
    try:
        for name, address in addresses.items():
            bound[name] = []
            for family, where in _resolved(name, address):
                bound[name].append(_bind(name, address, (family, where), is_shared))
    except BaseException:
        close_all(bound)
        raise
    return bound


def bind_shares(addresses: Mapping[str, ListenAddress], count: int) -> list[dict[str, list[socket.socket]]]:
    """Bind every address once for each of `count` processes; the kernel spreads connections evenly over them.

    Raises CannotListen, with nothing left bound.
    """
    # Alone first: sockets that share an address would not notice that another server of this user is there.
    close_all(bind_all(addresses))
    shares: list[dict[str, list[socket.socket]]] = []
    try:
        for _ in range(count):
            shares.append(bind_all(addresses, is_shared=True))
    except BaseException:
        for share in shares:
            close_all(share)
        raise
    return shares


def close_all(bound: Bound) -> None:
    """Close the sockets again."""
    for sockets in bound.values():
        for it in sockets:
            it.close()


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the server's side of TLS 1.2 and newer. Raises CannotListen when the files do not fit."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise CannotListen(
            f"The certificate {certificate} and the key {key} can't be used: {error.reason or error}. "
            "Expected: PEM files that belong together, the key without a passphrase."
        ) from error
    except OSError as error:
        named = f"{certificate} or {key}"
        raise CannotListen(f"The file {named} can't be read: {error.strerror}.") from error
    return context


def read_signers(signers: Path) -> list[bytes]:
    """Return the certificates in a PEM file, in DER form. Raises CannotListen for a bad file."""
    try:
        return read_pem(signers.read_text("latin-1"))
    except ValueError as error:
        raise CannotListen(
            f"The file {signers} (mqtts.client_ca_file) holds no certificates. Expected: one or more as PEM."
        ) from error
    except OSError as error:
        raise CannotListen(f"The file {signers} can't be read: {error.strerror}.") from error


def _resolved(name: str, address: ListenAddress) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=_kind(name), flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotListen(
            f"{name}: the host {address.host!r} is not known here: {error.strerror}."
        ) from error
    return [(it[0], (str(it[4][0]), int(it[4][1]))) for it in dict.fromkeys(found)]


def _bind(
    name: str, address: ListenAddress, place: tuple[socket.AddressFamily, tuple[str, int]], is_shared: bool
) -> socket.socket:
    family, where = place
    made = socket.socket(family, _kind(name))
    try:
        if made.type == socket.SOCK_STREAM:
            _expect_connections(made)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(where)
    except OSError as error:
        made.close()
        raise CannotListen(_why(name, address, error)) from error
    made.setblocking(False)
    return made


def _kind(name: str) -> socket.SocketKind:
    return socket.SOCK_DGRAM if name in _OF_DATAGRAMS else socket.SOCK_STREAM


def _expect_connections(made: socket.socket) -> None:
    # Of datagrams, another program could take them away with this.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Peers that vanished without a word are noticed, whatever their protocol's own keep-alive.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _why(name: str, address: ListenAddress, error: OSError) -> str:
    protocol = name.partition(".")[0]
    if error.errno == errno.EADDRINUSE:
        return (
            f"Another program uses {address} ({name}). "
            f"Stop it, or choose another address: --{protocol} HOST:PORT"
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on {address} ({name}). Choose a higher port: --{protocol} HOST:PORT"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {address.host} ({name}). Choose another: --{protocol} HOST:PORT"
    return f"{address} ({name}) can't be used: {error.strerror}."
