"""What comes with a request in blocks, until all of it is there; and blocks of answers that are asked for."""

from deedbox.core.errors import PayloadTooLarge
from deedbox.transports.coap.blocks import Block
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.exchanges import Answer, Exchange, json_answer, unavailable

_TRY_AFTER_S = 5


def whole_body(exchange: Exchange, most_bytes: int) -> bytes | None:
    """Return the body of a request once all of it is there; None: the block was answered, others follow.

    Raises PayloadTooLarge.
    """
    message, request = exchange.message, exchange.request
    block = request.block1 if request is not None else None
    if request is None or block is None:
        if len(message.payload) > most_bytes:
            raise _too_large(most_bytes)
        return message.payload
    bodies, key = exchange.conversation.bodies, request.key
    before = bodies.arriving(key) if block.number else b""
    if before is None or len(before) != block.begins_at:
        exchange.answer(Answer(Code.REQUEST_ENTITY_INCOMPLETE))
        return None
    content = before + message.payload
    if len(content) > most_bytes:
        bodies.drop_arriving()
        raise _too_large(most_bytes)
    if block.is_more:
        exchange.answer(_continued(exchange, block, content))
        return None
    bodies.drop_arriving()
    return content


def answer_rest(exchange: Exchange) -> bool:
    """Answer a request for a later block of an answer that is kept; tell whether that was one."""
    request = exchange.request
    if request is None or request.block2 is None or not request.block2.number:
        return False
    body = exchange.conversation.bodies.fetched(request.key, exchange.arrived_at)
    if body is None:
        if request.code != Code.GET:
            exchange.answer(Answer(Code.REQUEST_ENTITY_INCOMPLETE))
        return request.code != Code.GET
    exchange.answer(json_answer(Code(body.code), body.content))
    return True


def _continued(exchange: Exchange, block: Block, content: bytes) -> Answer:
    request = exchange.request
    if len(exchange.message.payload) != block.size_bytes or request is None:
        return Answer(Code.BAD_REQUEST)
    if exchange.conversation.bodies.add(request.key, content, exchange.arrived_at):
        return Answer(Code.CONTINUE)
    return unavailable(Code.SERVICE_UNAVAILABLE, _TRY_AFTER_S)


def _too_large(most_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is too large: at most {most_bytes} bytes are accepted here.")
