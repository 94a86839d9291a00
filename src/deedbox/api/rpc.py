"""Commands to devices: `/api/rpc/oneway|twoway/{deviceId}`, and the older addresses under `/api/plugins`."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.openapi.spec.example import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiContext, ApiRequest, context_of, principal_of, source_address
from deedbox.api.errors import body as error_body
from deedbox.api.shapes.rpc import CommandShape, wish_of
from deedbox.core import persistent_commands, rpc
from deedbox.core.device_access import locked
from deedbox.core.errors import DeviceOffline, InvalidValue
from deedbox.core.ownership import DeviceState
from deedbox.core.permissions import Operation, Principal
from deedbox.core.records import Subject, audit_entry
from deedbox.core.rpc import Command, End, Outcome
from deedbox.core.storage import Stores

_EXAMPLE = Example(value={"method": "setLight", "params": {"on": True}, "timeout": 10_000})
CommandBody = Annotated[CommandShape | str, Body(examples=[_EXAMPLE])]

_NO_REPLY = "The device took the command but did not reply in time."
_NOT_TAKEN = "The device did not ask for commands in time. Is it switched on and connected?"
_CANCELLED = "The device's ownership changed meanwhile; the command was dropped."
_WHY = {End.NOT_REPLIED: _NO_REPLY, End.NOT_DELIVERED: _NOT_TAKEN, End.CANCELLED: _CANCELLED}
#: End -> the words of the reference server's audit log.
_FAILURES = {
    End.NOT_REPLIED: "RPC Error: TIMEOUT",
    End.NOT_DELIVERED: "RPC Error: NO_ACTIVE_CONNECTION",
    End.CANCELLED: "RPC Error: the device's ownership changed",
}
_LEGACY_STATUSES = {End.NOT_REPLIED: 408}


@post("/api/rpc/oneway/{device_id:str}", status_code=200, tags=["Commands"], summary="Send a command")
async def send_command(request: ApiRequest, device_id: FromPath[UUID], data: CommandBody) -> Response[Any]:
    """Send a command that needs no reply: 200 as soon as the device has taken it, 504 if it does not.

    A persistent one is stored: 200 at once, with its id.
    """
    return await _answer(request, device_id, _wish(data), one_way=True)


@post("/api/rpc/twoway/{device_id:str}", status_code=200, tags=["Commands"], summary="Ask a device")
async def ask_device(request: ApiRequest, device_id: FromPath[UUID], data: CommandBody) -> Response[Any]:
    """Send a command and wait: 200 with the device's reply as it sent it, 504 if none comes in time.

    A persistent one is stored: 200 at once, with its id, under which the reply is to be read.
    """
    return await _answer(request, device_id, _wish(data), one_way=False)


@post(
    "/api/plugins/rpc/oneway/{device_id:str}",
    status_code=200,
    tags=["Commands"],
    summary="Send a command (older address)",
)
async def send_command_legacy(
    request: ApiRequest, device_id: FromPath[UUID], data: CommandBody
) -> Response[Any]:
    """As `/api/rpc/oneway`, but 409 when the device does not take the command."""
    return await _answer(request, device_id, _wish(data), one_way=True, legacy=True)


@post(
    "/api/plugins/rpc/twoway/{device_id:str}",
    status_code=200,
    tags=["Commands"],
    summary="Ask a device (older address)",
)
async def ask_device_legacy(
    request: ApiRequest, device_id: FromPath[UUID], data: CommandBody
) -> Response[Any]:
    """As `/api/rpc/twoway`, but 408 when no reply comes and 409 when the device does not take the command."""
    return await _answer(request, device_id, _wish(data), one_way=False, legacy=True)


async def _answer(
    request: ApiRequest, device_id: UUID, wish: CommandShape, *, one_way: bool, legacy: bool = False
) -> Response[Any]:
    if wish.persistent:
        rpc_id = await _store(request, device_id, wish, one_way)
        return Response({"rpcId": str(rpc_id)}, status_code=200)
    return _response(await _call(request, device_id, wish, one_way=one_way), legacy=legacy)


async def _store(request: ApiRequest, device_id: UUID, wish: CommandShape, one_way: bool) -> UUID:
    """Store the command and record it in the same transaction."""
    principal, context = await principal_of(request), context_of(request)
    stored = wish_of(wish, one_way)
    recorded = {"oneWay": one_way, "method": stored.method, "persistent": True}
    sending = _Sending(context, principal, source_address(request), recorded)

    async def work(stores: Stores) -> UUID:
        state = await locked(stores.claims, principal, Operation.RPC_CALL, device_id)
        rpc_id = await persistent_commands.add(
            stores.persistent_commands, state.device.tenant_id, device_id, stored, context.command_limits
        )
        await sending.add_entry(stores, state, "", rpcId=str(rpc_id))
        return rpc_id

    rpc_id = await context.storage.write(work)
    context.exchange.wake(device_id)
    return rpc_id


async def _call(request: ApiRequest, device_id: UUID, wish: CommandShape, *, one_way: bool) -> Outcome:
    principal, context = await principal_of(request), context_of(request)
    method, params = rpc.checked_method(wish.method), rpc.checked_params(wish.params)
    sending = _Sending(context, principal, source_address(request), {"oneWay": one_way, "method": method})
    state = await sending.record(device_id)
    command = Command(device_id, state.epoch, method, params, one_way)
    outcome = await context.exchange.call(command, _timeout_ms(context, wish))
    if not await _is_current(context, command):
        outcome = Outcome(End.CANCELLED)
    if outcome.end in _FAILURES:
        await sending.record_failure(state, _FAILURES[outcome.end])
    return outcome


class _Sending:
    """What the audit log knows of a command: its method, not its parameters, which may hold secrets."""

    def __init__(
        self, context: ApiContext, principal: Principal, source: str, recorded: dict[str, Any]
    ) -> None:
        self._storage = context.storage
        self._principal = principal
        self._actor = principal.actor(source)
        self._recorded = recorded

    async def record(self, device_id: UUID) -> DeviceState:
        """Record the command before it is sent, if it may be. Raises NotFound, NotPermitted."""

        async def work(stores: Stores) -> DeviceState:
            state = await locked(stores.claims, self._principal, Operation.RPC_CALL, device_id)
            await self.add_entry(stores, state, "")
            return state

        # Locked, the device has the owner and the epoch that are recorded; nothing else is decided by.
        return await self._storage.write_beside(work)

    async def record_failure(self, state: DeviceState, failure: str) -> None:
        """Record that nothing came of it."""

        async def work(stores: Stores) -> None:
            await self.add_entry(stores, state, failure)

        await self._storage.write_beside(work)

    async def add_entry(self, stores: Stores, state: DeviceState, failure: str, **more: str) -> None:
        """Add an entry in a transaction that somebody else has begun."""
        device, store = state.device, stores.claims
        subject = Subject("DEVICE", device.id, device.name, state.epoch)
        data = {"entityId": str(device.id)} | self._recorded | more
        now_ms = await store.now_ms()
        entry = audit_entry(
            store, self._actor, subject, "RPC_CALL", now_ms=now_ms, failure=failure, data=data
        )
        await store.add_audit_entries([entry])


def _wish(data: CommandShape | str) -> CommandShape:
    """Return what the caller wants; some clients send the JSON once more as a JSON string."""
    return data if isinstance(data, CommandShape) else _decoded(data)


def _decoded(text: str) -> CommandShape:
    try:
        return msgspec.json.decode(text, type=CommandShape)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise InvalidValue(
            'Invalid request body: expected an object, as {"method": "setLight", "params": {"on": true}}.'
        ) from None


def _timeout_ms(context: ApiContext, wish: CommandShape) -> int:
    return rpc.granted_timeout_ms(wish.timeout_ms, wish.expires_at, context.storage.now_ms())


async def _is_current(context: ApiContext, command: Command) -> bool:
    async def work(stores: Stores) -> bool:
        return await rpc.is_current(stores.attributes, command)

    return await context.storage.look(work)


def _response(outcome: Outcome, *, legacy: bool) -> Response[Any]:
    if outcome.end not in _WHY:
        return Response(outcome.reply, status_code=200, media_type="application/json")
    if not legacy:
        raise DeviceOffline(_WHY[outcome.end])
    status = _LEGACY_STATUSES.get(outcome.end, 409)
    content = error_body(status, _WHY[outcome.end], 2, DeviceOffline.code)
    return Response(content, status_code=status, media_type="application/json")
