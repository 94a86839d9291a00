"""What devices observe (RFC 7641): commands to them, and changes of their shared attributes.

Every notification has to be acknowledged: a device that does not is gone, and so is what it observed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from deedbox.core.credentials import Login
from deedbox.core.errors import InvalidValue, Refusal
from deedbox.core.live import Stop
from deedbox.core.rpc import Delivery
from deedbox.transports.coap.blocks import LARGEST_BLOCK_BYTES, LARGEST_SIZE_EXPONENT, Block, Key
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.exchanges import etag
from deedbox.transports.coap.messages import Number, Option, unsigned
from deedbox.transports.coap.outgoing import Outbound, nothing
from deedbox.transports.coap.requests import BINARY_FORMAT, JSON_FORMAT
from deedbox.transports.payload_formats.commands import answer_unfit, told_command
from deedbox.transports.payload_formats.manners import DEFAULT

if TYPE_CHECKING:
    from deedbox.transports.coap.conversation import Conversation

#: For how long a device may take it that nothing has changed: then RFC 7641 has both sides make sure.
FRESH_FOR_S = 86_400
_SEQUENCE = 1 << 24


class Observation:
    """One device's wish to hear of something, under a token of the peer's choice."""

    __slots__ = (
        "_changed",
        "_conversation",
        "_ended",
        "_is_pausing",
        "_is_sending",
        "_key",
        "_sent",
        "_sequence",
        "_stop",
        "is_of_commands",
        "login",
        "manners",
        "token",
    )

    def __init__(
        self,
        conversation: "Conversation",
        login: Login,
        token: bytes,
        key: Key,
        *,
        is_of_commands: bool,
        ended: Callable[["Observation"], None],
    ) -> None:
        self._conversation = conversation
        self.login = login
        self.token = token
        self._key = key
        self.is_of_commands = is_of_commands
        #: How the device speaks.
        self.manners = DEFAULT
        self._ended = ended
        self._stop: Stop | None = None
        self._changed: set[str] = set()
        self._sent: frozenset[str] = frozenset()
        #: Until it is told what holds at first.
        self._is_sending = not is_of_commands
        self._is_pausing = False
        self._sequence = 0

    @property
    def options(self) -> list[Option]:
        """What the next notification says about itself."""
        self._sequence = (self._sequence + 1) % _SEQUENCE
        kind = JSON_FORMAT if self.manners.coap.is_json else BINARY_FORMAT
        return [
            (Number.OBSERVE, unsigned(self._sequence)),
            (Number.CONTENT_FORMAT, unsigned(kind)),
            (Number.MAX_AGE, unsigned(FRESH_FOR_S)),
        ]

    def begin(self) -> None:
        """Hear of what happens from now on."""
        if self._stop is None:
            context, device_id = self._conversation.endpoint.context, self.login.device_id
            if self.is_of_commands:
                self._stop = context.exchange.attach(device_id, self._command)
            else:
                self._stop = context.attribute_changes.attach(device_id, self._attributes)
                if self._changed:
                    self._attributes(frozenset())

    def first_told(self) -> None:
        """Hear that the device is being told what holds; changes follow."""
        self._is_sending = False
        if self._changed:
            self._attributes(frozenset())

    def pause(self) -> None:
        """Hear nothing until `begin`, and send nothing that has not been taken yet."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
        self._is_pausing = True
        self._conversation.outgoing.withdraw((self.token,))
        self._is_pausing = False

    def end(self, code: int | None = None) -> None:
        """Hear nothing any more, and tell the device why, if there is something to tell."""
        if self._conversation.observations.get(self.token) is not self:
            return
        del self._conversation.observations[self.token]
        self.pause()
        self._ended(self)
        if code is not None:
            self._conversation.outgoing.add(Outbound(code, self.token, (), b""))

    def _command(self, delivery: Delivery) -> None:
        command, exchange = delivery.command, self._conversation.endpoint.context.exchange

        def ended(is_delivered: bool) -> None:
            if not is_delivered and not self._is_pausing:
                self.end()  # before the command is offered again, to others
            act = exchange.delivered if is_delivered else exchange.failed
            act(command.device_id, delivery.id)

        context = self._conversation.endpoint.context
        try:
            body = self.manners.coap.writer.command(told_command(delivery, context.clock_ms()))
        except InvalidValue as refusal:
            answer_unfit(exchange, delivery, refusal.message, self._conversation.endpoint.run)
            return
        if not self._notify(body, ended):
            exchange.failed(command.device_id, delivery.id)

    def _attributes(self, names: frozenset[str]) -> None:
        self._changed |= names
        if not self._is_sending:
            self._is_sending = True
            self._conversation.endpoint.run(self._send_attributes())

    async def _send_attributes(self) -> None:
        """Send what has changed as it is now; what changes meanwhile follows."""
        names, self._changed = frozenset(self._changed), set()
        messages = self._conversation.endpoint.context.messages
        try:
            values = await messages.changed_attributes(self.login.device_id, names)
        except Refusal:
            self._is_sending = False
            self.end(Code.SERVICE_UNAVAILABLE)  # the device comes back and is told all that holds then
            return
        self._sent = names
        if self._stop is None or not self._notify(
            self.manners.coap.writer.attribute_update(values), self._attributes_ended
        ):
            self._changed |= names
            self._is_sending = False

    def _attributes_ended(self, is_delivered: bool) -> None:
        self._is_sending = False
        if self._is_pausing:
            self._changed |= self._sent
        elif not is_delivered:
            self.end()
        elif self._changed:
            self._attributes(frozenset())

    def _notify(self, body: bytes, ended: Callable[[bool], None] = nothing) -> bool:
        options = self.options
        if len(body) > LARGEST_BLOCK_BYTES:
            bodies, now_ms = self._conversation.bodies, self._conversation.endpoint.context.clock_ms()
            bodies.keep(self._key, Code.CONTENT, body, now_ms)
            options += [
                (Number.ETAG, etag(body)),
                (Number.BLOCK2, Block(0, True, LARGEST_SIZE_EXPONENT).encoded()),
                (Number.SIZE2, unsigned(len(body))),
            ]
        options.sort(key=lambda it: it[0])
        part = body[:LARGEST_BLOCK_BYTES]
        return self._conversation.outgoing.add(Outbound(Code.CONTENT, self.token, options, part, ended))
