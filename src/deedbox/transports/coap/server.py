"""The CoAP server: sockets, the endpoint behind them, the time that passes."""

import asyncio
import logging
import socket
from collections.abc import Iterable

from deedbox.core.errors import StorageUnavailable
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.dtls import DtlsEncryption, DtlsSocket
from deedbox.transports.coap.dtls_records import Cookies
from deedbox.transports.coap.endpoint import CoapEndpoint
from deedbox.transports.coap.sockets import CoapSocket

_TICK_S = 0.1
_SWEPT_EVERY_S = 5.0
_RECHECKED_EVERY_S = 30.0

_log = logging.getLogger(__name__)


class CoapServer:
    """Serves devices on sockets that are bound already."""

    def __init__(self, context: CoapContext) -> None:
        self._context = context
        self.endpoint = CoapEndpoint(context)
        self._sockets: list[CoapSocket] = []
        self._encrypted: list[DtlsSocket] = []

    @property
    def peers(self) -> int:
        """How many peers are remembered, without those of DTLS."""
        return sum(it.peers for it in self._sockets)

    @property
    def dtls_sessions(self) -> tuple[int, int]:
        """How many DTLS sessions there are, and how many of them still shake hands."""
        return sum(it.peers for it in self._encrypted), sum(it.handshakes for it in self._encrypted)

    def listen(self, sockets: Iterable[socket.socket]) -> None:
        """Take datagrams from these sockets from now on."""
        self._begin()
        self._sockets += [CoapSocket(it, self.endpoint) for it in sockets]

    def listen_encrypted(self, sockets: Iterable[socket.socket], encryption: DtlsEncryption) -> None:
        """Take datagrams of DTLS from these sockets from now on."""
        self._begin()
        Cookies(self._context.clock_ms).attach(encryption.context)
        self._encrypted += [DtlsSocket(it, self.endpoint, encryption) for it in sockets]

    def stop_reading(self) -> None:
        """Take nothing more; what was taken is answered still."""
        for it in self._all:
            it.stop_reading()

    async def close(self) -> None:
        """Tell observers to come back later and end everything."""
        await self.endpoint.close()
        for it in self._all:
            it.close()

    @property
    def _all(self) -> list[CoapSocket | DtlsSocket]:
        return [*self._sockets, *self._encrypted]

    def _begin(self) -> None:
        if not (self._sockets or self._encrypted):
            self.endpoint.run(self._keep_time())
            self.endpoint.run(self._sweep())
            self.endpoint.run(self._recheck())

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                self.endpoint.tick(self._context.clock_ms())
                for each in self._encrypted:
                    each.tick(self._context.clock_ms())
            except Exception:  # silence would go unnoticed from now on, for all devices
                _log.exception("what the time had to bring about for devices was not all done")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEPT_EVERY_S)
            for it in self._all:
                it.forget_silent(self._context.clock_ms())

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(_RECHECKED_EVERY_S)
            try:
                await self.endpoint.observations.recheck_all()
            except StorageUnavailable as error:
                _log.warning("devices that observe were not looked at again: %s", error.message)
            except Exception:
                _log.exception("devices whose credentials are others may still observe")
