"""What a device's requests mean: paths to calls of the core, and back."""

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from deedbox.core.attributes import Report
from deedbox.core.errors import InvalidValue, NotSignedIn, Refusal, TooBusy
from deedbox.core.provisioning import Status
from deedbox.transports.coap.bodies import answer_rest, whole_body
from deedbox.transports.coap.codes import Code
from deedbox.transports.coap.context import CoapContext
from deedbox.transports.coap.exchanges import Answer, Exchange, binary_answer, formatted_answer, json_answer
from deedbox.transports.device_messages import NO_SERVER_SIDE
from deedbox.transports.payload_formats.provisioning_messages import protobuf_answer, protobuf_request
from deedbox.transports.telemetry_batches import Sender

if TYPE_CHECKING:
    from deedbox.transports.coap.endpoint import CoapEndpoint

_HIGHEST_COMMAND_ID = 2**63 - 1
_ONLY_OBSERVED = "Commands come to devices that observe this: send GET with the option Observe."
_BUSY = "Devices send more than can be stored at this moment. Try again later."

Work = Callable[["DeviceSide", Exchange, bytes], Coroutine[Any, Any, Answer]]


class DeviceSide:
    """The meaning of requests whose device is known, and of those that ask to become one."""

    def __init__(self, context: CoapContext, endpoint: "CoapEndpoint") -> None:
        self._context = context
        self._endpoint = endpoint
        self._most_bytes = context.settings.largest_body_bytes

    def deal(self, exchange: Exchange) -> None:
        """Do what is asked for and answer, now or later."""
        try:
            if answer_rest(exchange):
                return
            body = whole_body(exchange, self._most_bytes)
            if body is not None:
                self._deal_with(exchange, body)
        except Refusal as refusal:
            exchange.refuse(refusal)

    def _deal_with(self, exchange: Exchange, body: bytes) -> None:
        work = exchange.work
        if exchange.limiter is not None:
            exchange.limiter.check_payload(len(body))
        if work is TELEMETRY:
            self._telemetry(exchange, body)
            return
        if exchange.limiter is not None:
            exchange.limiter.check_message(exchange.arrived_at)
        self._endpoint.run(self._work(work, exchange, body))

    def _telemetry(self, exchange: Exchange, body: bytes) -> None:
        context, limiter, conversation = self._context, exchange.limiter, exchange.conversation
        now_ms = exchange.arrived_at
        if limiter is not None:
            limiter.check_telemetry(1, 0, now_ms)
        found = exchange.manners.coap.reader.telemetry_message(body, conversation.moment(now_ms))
        if found is None:
            exchange.created()
            return
        message, names, count = found
        if limiter is not None:
            limiter.check_telemetry(0, count, now_ms)
        if context.ingest.is_full:
            raise TooBusy(_BUSY)
        sender, device_id = conversation.sender, device_of(exchange)
        if sender is None or sender.device_id != device_id:
            sender = conversation.sender = Sender(context.ingest, device_id)
        sender.add(message, names, _stored, exchange)

    async def _work(self, work: Work, exchange: Exchange, body: bytes) -> None:
        try:
            answer = await work(self, exchange, body)
        except Refusal as refusal:
            exchange.refuse(refusal)
        except BaseException:
            exchange.answer(Answer(Code.INTERNAL_SERVER_ERROR))
            raise
        else:
            exchange.answer(answer)

    async def claim(self, exchange: Exchange, body: bytes) -> Answer:
        """Open a claim window: 2.01 whether it was taken or refused, since firmware offers at every boot."""
        offer = exchange.manners.coap.reader.claim_message(device_of(exchange), body)
        announced = await self._context.messages.announce(offer)
        if announced.refused is not None:
            return _told(Code.CREATED, {"accepted": False, "reason": announced.refused})
        return _told(Code.CREATED, {"accepted": True, "expiresAt": announced.expires_at})

    async def report(self, exchange: Exchange, body: bytes) -> Answer:
        """Store what the device reports about itself."""
        values = exchange.manners.coap.reader.attributes(body)
        if values:
            await self._context.messages.report(Report(device_of(exchange), values))
        return Answer(Code.CREATED)

    async def read_attributes(self, exchange: Exchange, _: bytes) -> Answer:
        """Return the attributes that `clientKeys` and `sharedKeys` name; all when neither is there."""
        request = exchange.request
        if request is None or request.observe is not None:
            return await self._endpoint.observations.answer(exchange)
        client, shared = request.names(b"clientKeys"), request.names(b"sharedKeys")
        found = await self._context.messages.attributes(device_of(exchange), client, shared)
        if not found:
            return Answer(Code.NOT_FOUND)
        manners = exchange.manners.coap
        return formatted_answer(Code.CONTENT, manners.writer.attribute_response(0, found), manners)

    async def read_commands(self, exchange: Exchange, _: bytes) -> Answer:
        """Let the device hear commands from now on, or no more."""
        if exchange.request is None or exchange.request.observe is None:
            raise InvalidValue(_ONLY_OBSERVED)
        return await self._endpoint.observations.answer(exchange)

    async def answer_command(self, exchange: Exchange, body: bytes) -> Answer:
        """Hand a reply on, or answer a device's own request: nothing in this release does."""
        manners = exchange.manners.coap
        if not exchange.rest:
            manners.reader.device_request(body)
            return formatted_answer(Code.CONTENT, manners.writer.answer(0, NO_SERVER_SIDE), manners)
        text = exchange.rest
        if not (text.isascii() and text.isdigit() and int(text[:20]) <= _HIGHEST_COMMAND_ID):
            raise InvalidValue("The path must end with the id of the command, as in /rpc/1.")
        await self._context.exchange.reply(device_of(exchange), int(text), manners.reader.reply(body))
        return Answer(Code.CREATED)

    async def provision(self, exchange: Exchange, body: bytes) -> Answer:
        """Make somebody a device who is none yet."""
        address, as_json = exchange.conversation.peer.source_address, protobuf_request(body)
        answer = await self._context.provisioning.answer(body if as_json is None else as_json, address)
        exchange.is_trusted = answer["status"] == Status.SUCCESS
        code = Code.CREATED if exchange.is_trusted else Code.BAD_REQUEST
        return _told(code, answer) if as_json is None else binary_answer(code, protobuf_answer(answer))


TELEMETRY = object()
#: Feature -> method -> what is done.
ROUTES: Mapping[str, Mapping[int, Any]] = {
    "claim": {Code.POST: DeviceSide.claim},
    "telemetry": {Code.POST: TELEMETRY},
    "attributes": {Code.POST: DeviceSide.report, Code.GET: DeviceSide.read_attributes},
    "rpc": {Code.POST: DeviceSide.answer_command, Code.GET: DeviceSide.read_commands},
    "provision": {Code.POST: DeviceSide.provision},
}


def device_of(exchange: Exchange) -> UUID:
    """Return the device that asks. Raises NotSignedIn where nobody has found out."""
    if exchange.login is None:
        raise NotSignedIn
    return exchange.login.device_id


def _stored(exchange: Exchange, refusal: Refusal | None) -> None:
    if refusal is None:
        exchange.created()
    else:
        exchange.refuse(refusal)


def _told(code: Code, value: Any) -> Answer:
    return json_answer(code, msgspec.json.encode(value))
