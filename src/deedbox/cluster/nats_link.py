"""Keeps a connection to NATS: one client per connection, for ever, with growing pauses between attempts.

The client's own way of connecting again is not used: it gives up for good where a server refuses it, as one
does that has too many connections or whose passwords were just changed.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError

from deedbox.cluster.nats_addresses import NatsAddresses

_log = logging.getLogger(__name__)


class Patience(msgspec.Struct, frozen=True):
    """How long things may take, in seconds. A connection is dead when two pings are not answered."""

    connect_s: float = 5.0
    ping_every_s: int = 5
    shortest_pause_s: float = 0.1
    longest_pause_s: float = 5.0


class NatsLink:
    """A connection to one of several addresses. `name` is shown by NATS's monitoring."""

    def __init__(
        self,
        addresses: NatsAddresses,
        name: str,
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._addresses = addresses
        self._name = name
        self._tls = tls
        self._patience = patience or Patience()
        self._told = ""
        #: Called for each message that came and was dropped, since too many before it were not heard yet.
        self.when_unheard: Callable[[], None] = _nothing

    async def keep(self, use: Callable[[Client], Awaitable[None]]) -> None:
        """Call `use` with each connection, until cancelled; it returns when the client is closed."""
        pause_s = self._patience.shortest_pause_s
        while True:
            if await self._once(use):
                pause_s = self._patience.shortest_pause_s
            heed_cancellation()
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - only lest all come at once
            pause_s = min(2 * pause_s, self._patience.longest_pause_s)

    async def _once(self, use: Callable[[Client], Awaitable[None]]) -> bool:
        """Connect, and return when that is over; tell whether there was a connection."""
        client, last, was_connected = Client(), list[Exception](), False

        async def note(error: Exception) -> None:
            if isinstance(error, SlowConsumerError):
                self.when_unheard()
            else:
                last[:] = [error]

        try:
            await self._connect(client, note)
            was_connected = True
            last.clear()
            self._tell_connected()
            await use(client)
        except (NatsError, OSError, TimeoutError) as error:
            last = last or [error]
        finally:
            await _close(client)
        self._tell_away(_reason(last[0]) if last else "the connection ended")
        return was_connected

    async def _connect(self, client: Client, note: Callable[[Exception], Awaitable[None]]) -> None:
        def refuse_plain_text() -> None:
            # Asked for just before credentials are sent; the client itself would send them without TLS.
            if self._addresses.only_tls and not client._server_info.get("tls_required"):
                raise NatsError("nats.url says tls://, but the server offers no TLS")

        async with asyncio.timeout(self._patience.connect_s):
            await client.connect(
                servers=self._addresses.servers,
                name=self._name,
                error_cb=note,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=max(1, int(self._patience.connect_s)),
                ping_interval=self._patience.ping_every_s,
                # Without it, whoever waits for a full socket waits for ever when the connection is given up.
                flush_timeout=1.0,
                no_echo=True,
                tls=self._tls,
                **self._addresses.credentials(refuse_plain_text),
            )
        refuse_plain_text()

    def _tell_connected(self) -> None:
        self._told = ""
        _log.info("connected to NATS")

    def _tell_away(self, reason: str) -> None:
        """Say once why other nodes are out of reach; again when the reason is another."""
        if reason != self._told:
            self._told = reason
            _log.warning("NATS is out of reach, so are other nodes; trying again: %s", reason)


def _nothing() -> None:
    pass


def heed_cancellation() -> None:
    """Raise CancelledError where it was swallowed on the way.

    The client does that while it waits for a full socket, and `asyncio.wait_for`, which it uses, did before
    Python 3.12 when what it waited for ended at that very moment.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _close(client: Client) -> None:
    try:
        async with asyncio.timeout(1):
            await client.close()
    except (NatsError, OSError, TimeoutError):
        _log.debug("a connection to NATS ended badly")


def _reason(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
