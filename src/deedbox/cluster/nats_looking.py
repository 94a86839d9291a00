"""Looks at a NATS server without joining anything: for whoever examines a deployment."""

import asyncio
import ssl

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from deedbox.cluster.nats_addresses import NatsAddresses


class NatsTrouble(Exception):
    """A server can't be used; says why, to be read behind its address."""


class NatsFacts(msgspec.Struct, frozen=True):
    """What a server says of itself."""

    shown_version: str
    most_bytes: int
    wants_credentials: bool

    @property
    def version(self) -> tuple[int, ...]:
        """The version, to compare with."""
        digits = [it for it in self.shown_version.partition("-")[0].split(".") if it.isdigit()]
        return tuple(map(int, digits))


async def look(addresses: NatsAddresses, server: str, tls: ssl.SSLContext, within_s: float) -> NatsFacts:
    """Sign in to one of the servers and ask what it is. Raises NatsTrouble."""
    client, last = Client(), list[Exception]()

    async def note(error: Exception) -> None:
        last[:] = [error]

    def refuse_plain_text() -> None:
        if addresses.only_tls and not client._server_info.get("tls_required"):
            raise NatsError("offers no TLS, but nats.url says tls://")

    try:
        async with asyncio.timeout(within_s):
            await client.connect(
                servers=[server],
                error_cb=note,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                connect_timeout=max(1, int(within_s)),
                tls=tls,
                **addresses.credentials(refuse_plain_text),
            )
            info = client._server_info
            return NatsFacts(info["version"], client.max_payload, bool(info.get("auth_required")))
    except (NatsError, OSError, TimeoutError) as error:
        raise NatsTrouble(f"can't be used: {_said(last[0] if last else error)}") from error
    finally:
        await client.close()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
