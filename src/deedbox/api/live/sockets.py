"""One client's WebSocket, once it is signed in: takes commands one after the other, sends what they give."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from deedbox.api.context import ApiContext
from deedbox.api.live import commands
from deedbox.api.live.attributes import AttributeSubscription
from deedbox.api.live.commands import Command
from deedbox.api.live.counts import CountSubscription
from deedbox.api.live.lists import ListSubscription
from deedbox.api.live.outbox import Outbox
from deedbox.api.live.settings import LiveSettings
from deedbox.api.live.subscriptions import Listener, Subscription
from deedbox.api.live.time_series import SeriesSubscription, history_update
from deedbox.api.live.updates import error_update
from deedbox.core.errors import InvalidValue, LimitReached, Refusal, StorageUnavailable
from deedbox.core.permissions import Principal
from deedbox.core.records import Actor

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Simple = AttributeSubscription | SeriesSubscription | CountSubscription

POLICY_VIOLATION, TOO_LONG, TRY_AGAIN_LATER = 1008, 1009, 1013
_LONGEST_GOODBYE_S = 2.0
_NO_BINARY = "Binary messages are not understood. Send commands as JSON in text messages."
_TOO_SLOW = "Too slow: updates were waiting that you did not read. Connect again."

_log = logging.getLogger(__name__)


class Socket:
    """A signed-in client. `run` serves it until it leaves, or until `close` was called."""

    def __init__(
        self, context: ApiContext, settings: LiveSettings, principal: Principal, actor: Actor, send: Send
    ) -> None:
        self.principal = principal
        self._context = context
        self._settings = settings
        self._send = send
        self._subscriptions: dict[int, Subscription] = {}
        self._left = asyncio.Event()
        self._goodbye: tuple[int, str] | None = None
        self._outbox = Outbox(self._send_text, settings.pending_bytes, self._overflow)
        self._listener = Listener(context, principal, actor, self._outbox, self._lose, self._check_room)

    def close(self, code: int, reason: str) -> None:
        """End the connection soon, saying why."""
        self._goodbye = self._goodbye or (code, reason)
        self._left.set()

    async def run(self, receive: Receive, first: str) -> None:
        """Serve the client, beginning with the message that signed it in."""
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._receive_all(receive, first)), loop.create_task(self._outbox.run())]
        for task in tasks:
            task.add_done_callback(lambda _: self._left.set())
        try:
            await self._left.wait()
        finally:
            self._stop_all()
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        _log_mistakes(ends)
        if self._goodbye is not None:
            await say_goodbye(self._send, *self._goodbye)

    @property
    def why_closed(self) -> str:
        """Why the connection was ended here: "too_slow" or "signed_out"; "" when the client left."""
        if self._goodbye is None:
            return ""
        return "too_slow" if self._goodbye[0] == TRY_AGAIN_LATER else "signed_out"

    @property
    def pending_bytes(self) -> int:
        """How much of updates waits for the client to read, about."""
        return self._outbox.pending_bytes

    @property
    def asking(self) -> list[int]:
        """Numbers of the subscriptions that ask again and again for what nobody tells of."""
        return [number for number, it in self._subscriptions.items() if it.is_asking]

    async def refresh(self, subscription_id: int) -> None:
        """Let a subscription, if it is still there, ask again for what nobody tells of."""
        subscription = self._subscriptions.get(subscription_id)
        if subscription is None:
            return
        try:
            await subscription.refresh()
        except StorageUnavailable:
            return  # it asks again soon
        except Exception as error:
            if not isinstance(error, Refusal):
                _log.exception("a live subscription could not be refreshed")
            if self._subscriptions.get(subscription_id) is subscription:
                self._lose(subscription_id, error)

    async def _receive_all(self, receive: Receive, first: str) -> None:
        await self._read(first)
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None:
                self._outbox.put(0, error_update(0, InvalidValue(_NO_BINARY)))
            else:
                await self._read(text)

    async def _read(self, text: str) -> None:
        try:
            await self._take(commands.message_of(text))
        except InvalidValue as refusal:
            self._outbox.put(0, error_update(0, refusal))

    async def _take(self, message: Message) -> None:
        if (who := commands.sign_in_of(message)) is not None:
            await self._sign_in_again(who.token)
        for type_name, raw in commands.commands_of(message):
            await self._obey(type_name, raw)

    async def _obey(self, type_name: str, raw: dict[str, Any]) -> None:
        """Do what a command says, once what the one before gave is on its way."""
        number = commands.id_of(raw)
        try:
            await self._begin(commands.command_of(type_name, raw))
        except Exception as error:
            if not isinstance(error, Refusal):
                _log.exception("a command of a live socket failed")
            self._stop(number)
            await self._outbox.answer(error_update(number, error))

    async def _begin(self, command: Command) -> None:
        if isinstance(command, commands.Unsubscribe) or getattr(command, "unsubscribe", False):
            self._stop(command.cmd_id)
            return
        match command:
            case commands.HistoryCommand():
                await self._outbox.answer(await history_update(self._listener, command))
            case commands.AttributesCommand():
                await self._follow(command.cmd_id, AttributeSubscription(self._listener, command))
            case commands.TimeSeriesCommand():
                await self._follow(command.cmd_id, SeriesSubscription(self._listener, command))
            case commands.EntityCountCommand():
                await self._follow(command.cmd_id, CountSubscription(self._listener, command))
            case commands.EntityDataCommand():
                await self._follow_many(command)

    async def _follow(self, subscription_id: int, subscription: Simple) -> None:
        self._stop(subscription_id)
        self._check_room(subscription.weight)
        self._subscriptions[subscription_id] = subscription
        await subscription.begin()

    async def _follow_many(self, command: commands.EntityDataCommand) -> None:
        known = self._subscriptions.get(command.cmd_id)
        if not isinstance(known, ListSubscription):
            self._stop(command.cmd_id)
            self._check_room(1)
            known = self._subscriptions[command.cmd_id] = ListSubscription(self._listener, command.cmd_id)
        self._outbox.forget(command.cmd_id)
        await known.obey(command)

    def _check_room(self, wanted: int) -> None:
        most = self._settings.subscriptions_per_socket
        if sum(it.weight for it in self._subscriptions.values()) + wanted > most:
            raise LimitReached(
                f"One connection may follow {most} things at a time. Unsubscribe from some, or open another."
            )

    def _stop(self, subscription_id: int) -> None:
        subscription = self._subscriptions.pop(subscription_id, None)
        if subscription is not None:
            subscription.stop()
        self._outbox.forget(subscription_id)

    def _lose(self, subscription_id: int, why: Exception) -> None:
        self._stop(subscription_id)
        self._outbox.put(subscription_id, error_update(subscription_id, why))

    def _stop_all(self) -> None:
        for subscription in self._subscriptions.values():
            subscription.stop()
        self._subscriptions.clear()

    async def _sign_in_again(self, token: str | None) -> None:
        """Take a newer token of the same person; another person needs another connection."""
        try:
            principal = await self._context.authenticator.authenticate(token or "")
        except Refusal as refusal:
            self.close(POLICY_VIOLATION, refusal.message)
            return
        if not is_same_person(principal, self.principal):
            self.close(POLICY_VIOLATION, "This connection belongs to somebody else. Open another one.")

    def _overflow(self) -> None:
        self.close(TRY_AGAIN_LATER, _TOO_SLOW)

    async def _send_text(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})


async def say_goodbye(send: Send, code: int, reason: str) -> None:
    """Close a connection; a client that reads nothing is not waited for."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_LONGEST_GOODBYE_S):
            # A close frame holds 123 bytes of reason.
            await send({"type": "websocket.close", "code": code, "reason": reason[:120]})


def _log_mistakes(ends: Sequence[BaseException | None]) -> None:
    for error in ends:
        if isinstance(error, Exception) and not isinstance(error, OSError):
            _log.error("a live socket ended by a mistake of ours", exc_info=error)


def is_same_person(one: Principal, other: Principal) -> bool:
    """Tell whether two sign-ins give the same rights."""
    return _rights(one) == _rights(other)


def _rights(it: Principal) -> tuple[object, ...]:
    return it.user_id, it.authority, it.tenant_id, it.customer_id, it.is_public, it.grants
