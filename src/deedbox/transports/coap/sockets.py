"""Datagrams from and to the network: many are read at once, peers that were silent longest are forgotten."""

import asyncio
import socket
from collections import OrderedDict
from contextlib import suppress

from deedbox.core.credentials import Login
from deedbox.transports.coap.conversation import EXCHANGE_LIFETIME_MS, Conversation
from deedbox.transports.coap.endpoint import CoapEndpoint
from deedbox.transports.coap.messages import is_coap

#: Larger datagrams are refused; what needs more room comes in blocks.
LARGEST_DATAGRAM_BYTES = 8_192
#: Read before anything else has its turn.
_READ_AT_ONCE = 256
_BUFFER_BYTES = 1 << 22

#: Where a peer is: address and port, and what else belongs to one in IPv6.
Address = tuple[str, int] | tuple[str, int, int, int]


class SocketPeer:
    """A peer behind a socket. `Peer`."""

    __slots__ = ("_address", "_socket")

    def __init__(self, bound: socket.socket, address: Address) -> None:
        self._socket = bound
        self._address = address

    login: Login | None = None
    is_proven = False

    @property
    def source_address(self) -> str:
        """Where the peer comes from, without its port."""
        return self._address[0]

    def send(self, datagram: bytes) -> None:
        """Send a datagram; one that can't be sent is lost, as in any network."""
        try:  # noqa: SIM105 - for each message: entering a context costs as much as the rest
            self._socket.sendto(datagram, self._address)
        except OSError:
            pass


class CoapSocket:
    """A bound socket that is read, and the conversations with peers behind it."""

    def __init__(self, bound: socket.socket, endpoint: CoapEndpoint) -> None:
        self._socket = bound
        self._endpoint = endpoint
        self._context = endpoint.context
        #: The one that was silent for longest comes first.
        self._conversations: OrderedDict[Address, Conversation] = OrderedDict()
        #: Those that observe something and have said nothing for long: strangers do not drive them out.
        self._observing: OrderedDict[Address, Conversation] = OrderedDict()
        bound.setblocking(False)
        with suppress(OSError):  # the system may allow less
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        asyncio.get_running_loop().add_reader(bound.fileno(), self.read)

    @property
    def peers(self) -> int:
        """How many peers are remembered."""
        return len(self._conversations) + len(self._observing)

    def read(self) -> None:
        """Take what has come."""
        now_ms, receive = self._context.clock_ms(), self._socket.recvfrom
        conversations = self._conversations
        for _ in range(_READ_AT_ONCE):
            try:
                datagram, address = receive(LARGEST_DATAGRAM_BYTES + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # about a datagram of ours that could not be delivered
            conversation = conversations.get(address)
            if conversation is not None:
                conversations.move_to_end(address)
            elif is_coap(datagram):
                conversation = self._entered(address)
            else:
                continue
            if len(datagram) > LARGEST_DATAGRAM_BYTES:
                conversation.too_large(datagram, now_ms)
            else:
                conversation.receive(datagram, now_ms)

    def forget_silent(self, now_ms: int) -> None:
        """Forget peers that have said nothing for long and observe nothing."""
        for address in [address for address, it in self._observing.items() if not it.is_observing]:
            self._observing.pop(address).close()
        for address, conversation in tuple(self._conversations.items()):
            if conversation.heard_at > now_ms - EXCHANGE_LIFETIME_MS:
                return
            if not conversation.under_way:
                del self._conversations[address]
                self._put_aside(address, conversation)

    def stop_reading(self) -> None:
        """Take nothing more."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())

    def close(self) -> None:
        """Forget all peers and close the socket."""
        for conversation in (*self._conversations.values(), *self._observing.values()):
            conversation.close()
        self._conversations.clear()
        self._observing.clear()
        self._socket.close()

    def _entered(self, address: Address) -> Conversation:
        """Return the conversation with a peer that was not heard of lately."""
        conversation = self._observing.pop(address, None)
        if conversation is None:
            conversation = self._endpoint.open(SocketPeer(self._socket, address))
        self._conversations[address] = conversation
        if len(self._conversations) > self._context.settings.most_peers:
            self._put_aside(*self._conversations.popitem(last=False))
        return conversation

    def _put_aside(self, address: Address, conversation: Conversation) -> None:
        """Keep a conversation with somebody who observes; forget any other."""
        if not conversation.is_observing:
            conversation.close()
            return
        self._observing[address] = conversation
        if len(self._observing) > self._context.settings.most_peers:
            self._observing.popitem(last=False)[1].close()
