"""What devices send in one go: offers to be claimed, telemetry, attributes, replies and requests.

An answer of 200 means that it is stored: messages that arrive at the same time share one commit.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

from deedbox.core import attributes, telemetry, windows
from deedbox.core.attributes import Report, Scope
from deedbox.core.errors import InvalidValue
from deedbox.core.live import AttributesChanged, PointsArrived, tell_stored, watched_epochs
from deedbox.core.storage import Stores
from deedbox.core.telemetry import Recording
from deedbox.core.value_limits import NameBudget
from deedbox.core.values import Value
from deedbox.core.windows import Announced, Announcement
from deedbox.transports import payloads
from deedbox.transports.http.answers import DONE, Answer, json_answer
from deedbox.transports.http.context import DeviceContext
from deedbox.transports.http.requests import DeviceRequest

_NO_SERVER_SIDE = {"error": "This server has nothing that answers requests of devices."}
_HIGHEST_COMMAND_ID = 2**63 - 1

#: Why it was not stored; or the epoch that it was stored in, None where nobody watches the device.
Stored = InvalidValue | int | None

_log = logging.getLogger(__name__)


class Messages:
    """Handlers of messages; each takes a request and returns its answer."""

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._settings = context.settings
        self._announce = _announcing(context)
        self._record = _recording(context)
        self._report = _reporting(context)

    async def claim(self, request: DeviceRequest) -> Answer:
        """Open a claim window: 200 whether it was taken or refused, since firmware offers at every boot."""
        offer = payloads.claim_message(request.device_id, await self._body(request))
        announced = await self._announce(offer)
        self._context.announced(announced)
        if announced.refused is not None:
            return json_answer({"accepted": False, "reason": announced.refused})
        if announced.clamped:
            _log.info("claim window of device %s cut to the longest allowed", request.device_id)
        return json_answer({"accepted": True, "expiresAt": announced.expires_at})

    async def telemetry(self, request: DeviceRequest) -> Answer:
        """Store measurements."""
        points = payloads.telemetry(await self._body(request), self._context.clock_ms())
        if request.limiter:
            request.limiter.check_telemetry(0, len(points), self._context.clock_ms())
        if points:
            epoch = _accepted(await self._record(Recording(request.device_id, points)))
            tell_stored(self._context.live, PointsArrived(request.device_id, 0, tuple(points)), epoch)
        return DONE

    async def attributes(self, request: DeviceRequest) -> Answer:
        """Store what the device reports about itself."""
        values = payloads.attributes(await self._body(request))
        if values:
            epoch = _accepted(await self._report(Report(request.device_id, values)))
            change = AttributesChanged(request.device_id, 0, Scope.CLIENT_SCOPE, tuple(values))
            tell_stored(self._context.live, change, epoch)
        return DONE

    async def read_attributes(self, request: DeviceRequest) -> Answer:
        """Return the attributes that `clientKeys` and `sharedKeys` name; all when neither is there."""
        client, shared = request.names("clientKeys"), request.names("sharedKeys")
        read_all = client is None and shared is None

        async def work(stores: Stores) -> dict[str, dict[str, Value]]:
            wanted = {"client": (Scope.CLIENT_SCOPE, client), "shared": (Scope.SHARED_SCOPE, shared)}
            return {
                part: await attributes.read_for_device(stores.attributes, request.device_id, scope, names)
                for part, (scope, names) in wanted.items()
                if read_all or names is not None
            }

        found = await self._context.storage.read(work)
        return json_answer({part: values for part, values in found.items() if values})

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
        return json_answer(_NO_SERVER_SIDE)

    async def _body(self, request: DeviceRequest) -> bytes:
        return await request.body(self._settings.largest_body_bytes, self._settings.body_timeout_s)


def _announcing(context: DeviceContext) -> Callable[[Announcement], Awaitable[Announced]]:
    async def announce(stores: Stores, offers: Sequence[Announcement]) -> Sequence[Announced]:
        return await windows.announce(offers, stores.announcements, context.keys, context.policy)

    return context.storage.batched(announce)


def _recording(context: DeviceContext) -> Callable[[Recording], Awaitable[Stored]]:
    budget = NameBudget(context.value_limits.most_series, "time series")

    async def record(stores: Stores, asked: Sequence[Recording]) -> Sequence[Stored]:
        store = stores.time_series
        wanted = [(it.entity_id, frozenset(point.key for point in it.points)) for it in asked]
        # Answers, not exceptions: one device's refusal must not cost those that share its commit.
        refusals = await budget.refusals(wanted, store.series_names)
        await telemetry.record([it for it, no in zip(asked, refusals, strict=True) if no is None], store)
        epochs = await watched_epochs(store, context.live, (it.entity_id for it in asked))
        return [no or epochs.get(it.entity_id) for it, no in zip(asked, refusals, strict=True)]

    return context.storage.batched(record)


def _reporting(context: DeviceContext) -> Callable[[Report], Awaitable[Stored]]:
    budget = NameBudget(context.value_limits.most_attributes, "attributes")

    async def report(stores: Stores, asked: Sequence[Report]) -> Sequence[Stored]:
        store = stores.attributes
        wanted = [(it.device_id, frozenset(it.values)) for it in asked]
        refusals = await budget.refusals(wanted, store.reported_names)
        await attributes.report([it for it, no in zip(asked, refusals, strict=True) if no is None], store)
        epochs = await watched_epochs(store, context.live, (it.device_id for it in asked))
        return [no or epochs.get(it.device_id) for it, no in zip(asked, refusals, strict=True)]

    return context.storage.batched(report)


def _accepted(stored: Stored) -> int | None:
    """Return the epoch, if it is known. Raises the refusal."""
    if isinstance(stored, InvalidValue):
        raise stored
    return stored
