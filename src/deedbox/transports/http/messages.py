"""What devices send in one go: offers to be claimed, telemetry, attributes, replies and requests.

An answer of 200 means that it is stored: messages that arrive at the same time share one commit.
"""

from deedbox.core.attributes import Report
from deedbox.core.errors import InvalidValue
from deedbox.transports import payloads
from deedbox.transports.device_messages import NO_SERVER_SIDE
from deedbox.transports.http.answers import DONE, Answer, json_answer
from deedbox.transports.http.context import DeviceContext
from deedbox.transports.http.requests import DeviceRequest

_HIGHEST_COMMAND_ID = 2**63 - 1


class Messages:
    """Handlers of messages; each takes a request and returns its answer."""

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._messages = context.messages
        self._settings = context.settings

    async def claim(self, request: DeviceRequest) -> Answer:
        """Open a claim window: 200 whether it was taken or refused, since firmware offers at every boot."""
        offer = payloads.claim_message(request.device_id, await self._body(request))
        announced = await self._messages.announce(offer)
        if announced.refused is not None:
            return json_answer({"accepted": False, "reason": announced.refused})
        return json_answer({"accepted": True, "expiresAt": announced.expires_at})

    async def telemetry(self, request: DeviceRequest) -> Answer:
        """Store measurements."""
        body, now_ms = await self._body(request), self._context.clock_ms()
        found = payloads.telemetry_message(body, now_ms)
        if found is None:
            return DONE
        message, names, count = found
        if request.limiter:
            request.limiter.check_telemetry(0, count, now_ms)
        await self._context.ingest.store(request.device_id, message, names)
        return DONE

    async def attributes(self, request: DeviceRequest) -> Answer:
        """Store what the device reports about itself."""
        values = payloads.attributes(await self._body(request))
        if values:
            await self._messages.report(Report(request.device_id, values))
        return DONE

    async def read_attributes(self, request: DeviceRequest) -> Answer:
        """Return the attributes that `clientKeys` and `sharedKeys` name; all when neither is there."""
        client, shared = request.names("clientKeys"), request.names("sharedKeys")
        return json_answer(await self._messages.attributes(request.device_id, client, shared))

    async def reply(self, request: DeviceRequest) -> Answer:
        """Hand a reply to whoever sent the command; 200 also when nobody waits for it any more."""
        command_id = request.rest
        if not (command_id.isascii() and command_id.isdigit() and int(command_id) <= _HIGHEST_COMMAND_ID):
            raise InvalidValue("The path must end with the id of the command, as in /rpc/1.")
        body = await request.body(self._settings.largest_rpc_body_bytes, self._settings.body_timeout_s)
        await self._context.exchange.reply(request.device_id, int(command_id), payloads.reply(body))
        return DONE

    async def ask(self, request: DeviceRequest) -> Answer:
        """Answer a device's own request: nothing in this release does, and the device is told so at once."""
        body = await request.body(self._settings.largest_rpc_body_bytes, self._settings.body_timeout_s)
        payloads.device_request(body)
        return json_answer(NO_SERVER_SIDE)

    async def _body(self, request: DeviceRequest) -> bytes:
        return await request.body(self._settings.largest_body_bytes, self._settings.body_timeout_s)
