"""One request and its answer: in the acknowledgement, or later in a message of its own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from deedbox.core.credentials import Login
from deedbox.core.errors import Refusal
from deedbox.transports.coap.blocks import LARGEST_BLOCK_BYTES, LARGEST_SIZE_EXPONENT, Block
from deedbox.transports.coap.codes import TABLE, Code, MessageType, wait_s
from deedbox.transports.coap.messages import (
    Message,
    Number,
    Option,
    encoded_options,
    header,
    unsigned,
)
from deedbox.transports.coap.outgoing import Outbound
from deedbox.transports.coap.requests import BINARY_FORMAT, JSON_FORMAT, Request
from deedbox.transports.payload_formats.manners import DEFAULT, CoapManners, Manners
from deedbox.transports.rate_limits import Limiter

if TYPE_CHECKING:
    from deedbox.transports.coap.conversation import Conversation

_ETAG_BYTES = 4
_FIRST = Block(0, False, LARGEST_SIZE_EXPONENT)
#: Whoever has not shown that its address is its own gets no more than so many bytes for each of its own.
_MOST_AMPLIFIED = 3


class Answer(NamedTuple):
    """What is answered; `options` in the order of their numbers, without those about blocks."""

    code: Code
    payload: bytes = b""
    options: tuple[Option, ...] = ()


def json_answer(code: Code, payload: bytes) -> Answer:
    """Return an answer with JSON."""
    return Answer(code, payload, ((Number.CONTENT_FORMAT, unsigned(JSON_FORMAT)),))


def binary_answer(code: Code, payload: bytes) -> Answer:
    """Return an answer with Protobuf."""
    return Answer(code, payload, ((Number.CONTENT_FORMAT, unsigned(BINARY_FORMAT)),))


def formatted_answer(code: Code, payload: bytes, manners: CoapManners) -> Answer:
    """Return an answer in the device's format."""
    return (json_answer if manners.is_json else binary_answer)(code, payload)


def refusal_answer(refusal: Refusal) -> Answer:
    """Return what a refusal looks like: a code, a text for people, and when to come back."""
    wait = wait_s(refusal)
    return unavailable(TABLE[type(refusal)], wait, refusal.message)


def unavailable(code: Code, retry_after_s: int | None, told: str = "") -> Answer:
    """Return a refusal that tells when to come back."""
    options = () if retry_after_s is None else ((int(Number.MAX_AGE), unsigned(retry_after_s)),)
    return Answer(code, told.encode()[:LARGEST_BLOCK_BYTES], options)


class Exchange:
    """A request that waits for its answer. `request` is None until it was read."""

    __slots__ = (
        "access_token",
        "arrived_at",
        "conversation",
        "digest",
        "feature",
        "is_acknowledged",
        "is_trusted",
        "limiter",
        "login",
        "manners",
        "message",
        "request",
        "rest",
        "size_bytes",
        "work",
    )

    def __init__(
        self, conversation: "Conversation", message: Message, digest: int, size_bytes: int, now_ms: int
    ) -> None:
        self.conversation = conversation
        self.message = message
        self.digest = digest
        self.size_bytes = size_bytes
        self.arrived_at = now_ms
        #: An acknowledgement without an answer was sent.
        self.is_acknowledged = False
        #: Somebody showed a secret: the answer may be much longer than the request.
        self.is_trusted = conversation.peer.is_proven
        self.request: Request | None = None
        #: What to do, what the path says about how, and the access token in it.
        self.work: Any = None
        self.feature = self.rest = self.access_token = ""
        #: The device, once it is known.
        self.login: Login | None = None
        self.limiter: Limiter | None = None
        #: How the device speaks.
        self.manners: Manners = DEFAULT

    def created(self) -> None:
        """Answer that what came is stored: the shortest way, for most of what devices send."""
        message = self.message
        if message.type or self.is_acknowledged or (self.request and self.request.block1):
            self.answer(Answer(Code.CREATED))
            return
        # An acknowledgement (0x60) with 2.01 in it.
        token, message_id = message.token, message.message_id
        datagram = bytes((0x60 | len(token), 0x41, message_id >> 8, message_id & 0xFF)) + token
        self.conversation.answered(self, datagram)
        self.conversation.peer.send(datagram)

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal."""
        self.answer(refusal_answer(refusal))

    def answer(self, answer: Answer) -> None:
        """Answer, once."""
        conversation = self.conversation
        if answer.code >= Code.BAD_REQUEST:
            conversation.endpoint.context.note_refusal(answer.code)
        if answer.code < Code.BAD_REQUEST and self._is_behind(answer.payload):
            answer = Answer(Code.BAD_OPTION)
        options, payload = self._in_blocks(answer)
        datagram = self._datagram(answer.code, options, payload)
        conversation.answered(self, self._sent_again(datagram))
        if self.is_acknowledged and self.is_trusted:
            later = Outbound(answer.code, self.message.token, options, payload)
            if conversation.outgoing.add(later):
                return
        conversation.peer.send(datagram)

    def drop(self) -> None:
        """Do not answer."""
        self.conversation.answered(self, b"")

    def acknowledge(self) -> None:
        """Let the peer stop repeating: the answer takes longer."""
        if self.message.type == MessageType.CONFIRMABLE:
            self.is_acknowledged = True
            self.conversation.peer.send(acknowledgement(self.message.message_id))

    def _sent_again(self, datagram: bytes) -> bytes | None:
        if self.message.code == Code.GET:
            return None  # its answer may be long, and takes nothing but time to make again
        if self.is_acknowledged:
            return acknowledgement(self.message.message_id)
        return datagram if self.message.type == MessageType.CONFIRMABLE else b""

    def _datagram(self, code: Code, options: Sequence[Option], payload: bytes) -> bytes:
        asked = self.message
        if asked.type == MessageType.CONFIRMABLE and not self.is_acknowledged:
            head = header(MessageType.ACKNOWLEDGEMENT, code, asked.message_id, asked.token)
        else:
            message_id = self.conversation.new_message_id()
            head = header(MessageType.NON_CONFIRMABLE, code, message_id, asked.token)
        datagram = head + encoded_options(options) + (b"\xff" + payload if payload else b"")
        is_fair = self.is_trusted or len(datagram) <= _MOST_AMPLIFIED * self.size_bytes
        return datagram if is_fair else head

    def _is_behind(self, body: bytes) -> bool:
        """Tell whether a block was asked for that the body does not have."""
        asked = self.request.block2 if self.request is not None else None
        return asked is not None and asked.number > 0 and asked.begins_at >= len(body)

    def _in_blocks(self, answer: Answer) -> tuple[list[Option], bytes]:
        """Return the options and the part of the payload that this answer has room for."""
        options, payload, request = list(answer.options), answer.payload, self.request
        if request is None:
            return options, payload
        asked = request.block2
        if payload and (asked is not None or len(payload) > LARGEST_BLOCK_BYTES):
            more, payload = self._one_block(answer.code, payload, asked or _FIRST)
            options += more
        if request.block1 is not None:
            is_more = answer.code == Code.CONTINUE
            options.append((Number.BLOCK1, request.block1._replace(is_more=is_more).encoded()))
        return sorted(options, key=lambda it: it[0]), payload

    def _one_block(self, code: Code, body: bytes, asked: Block) -> tuple[list[Option], bytes]:
        """Return the block that was asked for, and the options that tell which one it is."""
        begin, end = asked.begins_at, asked.begins_at + asked.size_bytes
        is_more = end < len(body)
        bodies, request = self.conversation.bodies, self.request
        if is_more and not begin and request is not None:
            bodies.keep(request.key, code, body, self.arrived_at)
        elif not is_more:
            bodies.drop_fetched()
        told = [(int(Number.BLOCK2), asked._replace(is_more=is_more).encoded())]
        if is_more or begin:
            told.append((Number.ETAG, etag(body)))
        if is_more and not begin:
            told.append((Number.SIZE2, unsigned(len(body))))
        return told, body[begin:end]


def etag(body: bytes) -> bytes:
    """Return what tells this body from others."""
    return (hash(body) & 0xFFFFFFFF).to_bytes(_ETAG_BYTES, "big")


def acknowledgement(message_id: int) -> bytes:
    """Return what tells a peer that its message has come."""
    return header(MessageType.ACKNOWLEDGEMENT, Code.EMPTY, message_id)


def reset(message_id: int) -> bytes:
    """Return what tells a peer that its message means nothing here."""
    return header(MessageType.RESET, Code.EMPTY, message_id)
