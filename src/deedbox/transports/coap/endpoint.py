"""The endpoint: takes requests from all conversations, keeps their time, knows no sockets."""

import asyncio
import heapq
import logging
from collections.abc import Coroutine
from typing import Any

from deedbox.transports.coap.authenticating import Authentication
from deedbox.transports.coap.blocks import Room
from deedbox.transports.coap.codes import Code, MessageType
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.conversation import EXCHANGE_LIFETIME_MS, Conversation
from deedbox.transports.coap.device_side import ROUTES, DeviceSide
from deedbox.transports.coap.exchanges import Answer, Exchange, unavailable
from deedbox.transports.coap.messages import Number, unsigned
from deedbox.transports.coap.observations import Observations
from deedbox.transports.coap.parties import Peer
from deedbox.transports.coap.requests import LINK_FORMAT, Request, Unacceptable
from deedbox.transports.coap.routes import PROVISION, WELL_KNOWN, place

#: When a peer is told that its answer takes longer; it repeats its request after two seconds.
_ACKNOWLEDGED_AFTER_MS = 1_000
_TRY_AFTER_S = 5
_RESOURCES = Answer(Code.CONTENT, b"</api/v1>", ((Number.CONTENT_FORMAT, unsigned(LINK_FORMAT)),))

_log = logging.getLogger(__name__)


class CoapEndpoint:
    """Answers requests; `tick` is to be called ten times a second or so."""

    def __init__(self, context: CoapContext) -> None:
        self.context = context
        self.room = Room(context.settings.most_block_bytes)
        #: Requests without an answer, oldest first.
        self._unanswered: dict[Exchange, None] = {}
        #: When what has to arrive is sent again: moment, a number, conversation, message id.
        self._due: list[tuple[int, int, Conversation, int]] = []
        self._repetitions = 0
        self._with_bodies: set[Conversation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._device_side = DeviceSide(context, self)
        self._authentication = Authentication(context, self._device_side.deal, self.run)
        self.observations = Observations(context, self)

    @property
    def waiting(self) -> int:
        """How many requests wait for their answers."""
        return len(self._unanswered)

    def open(self, peer: Peer) -> Conversation:
        """Return what takes the datagrams of a new peer."""
        return Conversation(self, peer)

    def closed(self, conversation: Conversation) -> None:
        """Forget a conversation that is over."""
        self._with_bodies.discard(conversation)

    def take(self, exchange: Exchange) -> None:
        """Take a request: find out whose it is, do what it asks for, answer it."""
        settings = self.context.settings
        self._unanswered[exchange] = None
        if exchange.conversation.under_way > settings.requests_per_peer:
            exchange.answer(unavailable(Code.TOO_MANY_REQUESTS, 1))
        elif len(self._unanswered) > settings.most_requests:
            exchange.answer(unavailable(Code.SERVICE_UNAVAILABLE, _TRY_AFTER_S))
        elif exchange.request is not None:
            self._authentication.add(exchange)
        else:
            self._read(exchange)

    def answered(self, exchange: Exchange) -> None:
        """Hear that an exchange has its answer."""
        self._unanswered.pop(exchange, None)

    def note_bodies(self, conversation: Conversation) -> None:
        """Have what comes and goes in blocks forgotten when nobody goes on with it."""
        self._with_bodies.add(conversation)

    def repeat_after(self, delay_ms: int, conversation: Conversation, message_id: int) -> None:
        """Send a message again after that time, unless it is acknowledged."""
        self._repetitions += 1
        due_at = self.context.clock_ms() + delay_ms
        heapq.heappush(self._due, (due_at, self._repetitions, conversation, message_id))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the background."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def tick(self, now_ms: int) -> None:
        """Do what time brings about."""
        self._acknowledge_slow(now_ms)
        while self._due and self._due[0][0] <= now_ms:
            _, _, conversation, message_id = heapq.heappop(self._due)
            conversation.outgoing.is_due(message_id)
        for it in tuple(self._with_bodies):
            if not it.forget_bodies(now_ms - EXCHANGE_LIFETIME_MS):
                self._with_bodies.discard(it)

    async def close(self) -> None:
        """Tell observers to come back later, end what is under way."""
        self._authentication.stop_watching()
        self.observations.close()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _acknowledge_slow(self, now_ms: int) -> None:
        for exchange in self._unanswered:
            if exchange.arrived_at > now_ms - _ACKNOWLEDGED_AFTER_MS:
                return
            if not exchange.is_acknowledged:
                exchange.acknowledge()

    def _read(self, exchange: Exchange) -> None:
        try:
            request = exchange.request = Request(exchange.message)
        except Unacceptable as error:
            if exchange.message.type == MessageType.CONFIRMABLE:
                exchange.answer(Answer(error.code))
            else:
                exchange.drop()
            return
        peer = exchange.conversation.peer
        found = place(request.path, has_certificate=peer.is_proven or peer.login is not None)
        if found is None:
            is_known = request.path == WELL_KNOWN and request.code == Code.GET
            exchange.answer(_RESOURCES if is_known else Answer(Code.NOT_FOUND))
            return
        exchange.work = ROUTES[found.feature].get(request.code)
        exchange.access_token, exchange.feature, exchange.rest = found
        if exchange.work is None:
            exchange.answer(Answer(Code.METHOD_NOT_ALLOWED))
        elif found.feature == PROVISION:
            self._device_side.deal(exchange)
        else:
            self._authentication.add(exchange)
