"""What devices wait for with long polls: commands, and changes of shared attributes."""

from deedbox.core.attributes import Scope, read_for_device
from deedbox.core.storage import Stores
from deedbox.core.values import Value
from deedbox.transports.http.answers import NOTHING_CAME, Answer, json_answer
from deedbox.transports.http.context import DeviceContext
from deedbox.transports.http.polls import Polls
from deedbox.transports.http.requests import DeviceRequest
from deedbox.transports.payloads import command_message


class News:
    """Handlers of long polls; each answers 408 when nothing came in time."""

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._settings = context.settings
        self._polls = Polls(context.settings.polls, context.settings.polls_per_device)
        self.close = self._polls.close

    @property
    def waiting(self) -> int:
        """How many polls wait now."""
        return self._polls.count

    async def command(self, request: DeviceRequest) -> Answer:
        """Wait for a command. HTTP knows no acknowledgements: what is answered counts as delivered."""
        exchange, device_id = self._context.exchange, request.device_id
        wait_s, arrival = self._wait_s(request), exchange.next_command(device_id)
        delivery = await self._polls.wait(("rpc", device_id), arrival, request.receive, wait_s)
        if delivery is None:
            return NOTHING_CAME
        exchange.delivered(device_id, delivery.id)
        command = delivery.command
        return Answer(200, command_message(delivery.id, command.method, command.params))

    async def attribute_changes(self, request: DeviceRequest) -> Answer:
        """Wait for changes of shared attributes: new values by name, and `deleted` with a list of names."""
        arrival = self._context.attribute_changes.next_change(request.device_id)
        key = ("attributes", request.device_id)
        names = await self._polls.wait(key, arrival, request.receive, self._wait_s(request))
        if names is None:
            return NOTHING_CAME

        async def work(stores: Stores) -> dict[str, Value]:
            return await read_for_device(stores.attributes, request.device_id, Scope.SHARED_SCOPE, names)

        values: dict[str, Value] = await self._context.storage.read(work)
        gone = sorted(names - values.keys())
        return json_answer(values | {"deleted": gone} if gone else values)

    def _wait_s(self, request: DeviceRequest) -> float:
        asked_ms = request.number("timeout", 0) or self._settings.poll_default_ms
        return min(asked_ms, self._settings.poll_longest_ms) / 1000
