"""Clients that are no devices yet: they connect as `provision`, ask for credentials, and must leave soon."""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from deedbox.core.credentials import Login
from deedbox.core.errors import Refusal
from deedbox.core.ids import NULL_ID
from deedbox.transports.mqtt import topics
from deedbox.transports.mqtt.connecting import granted, new_client_id
from deedbox.transports.mqtt.connection import Connection
from deedbox.transports.mqtt.context import MqttContext
from deedbox.transports.mqtt.outgoing import Outbound
from deedbox.transports.mqtt.packets import Connect
from deedbox.transports.mqtt.properties import EMPTY, Properties
from deedbox.transports.mqtt.reasons import Reason, reason_of
from deedbox.transports.mqtt.session import Session
from deedbox.transports.payload_formats.provisioning_messages import protobuf_answer, protobuf_request
from deedbox.transports.provisioning import PROVISION

#: Requests of one client that may wait for their turn.
_MOST_WAITING = 10
_NOBODY = Login(NULL_ID, b"")

Run = Callable[[Coroutine[Any, Any, None]], None]


def wants_provisioning(connect: Connect) -> bool:
    """Tell whether a client wants credentials: its user name or its client id says so."""
    return PROVISION in (connect.username, connect.client_id)


class ProvisioningClients:
    """All of them. They prove nothing, so there are few of them at a time, and none for long."""

    def __init__(self, context: MqttContext, run: Run) -> None:
        self._context = context
        self._run = run
        #: Until when each may stay, in epoch milliseconds, oldest first.
        self._until: dict[Connection, int] = {}

    def __len__(self) -> int:
        return len(self._until)

    def let_in(self, connection: Connection, connect: Connect) -> None:
        """Accept a client; where too many are there, the oldest has to leave."""
        settings = msgspec.structs.replace(self._context.settings, longest_expiry_s=0)
        grant = granted(connect, settings, new_client_id)
        session = Session(_NOBODY, grant.client_id, settings.most_queued, self._context.clock_ms)
        session.connection, session.outgoing_window = connection, grant.window
        connection.keep_alive_s = grant.keep_alive_s
        if len(self._until) >= settings.most_provisioning:
            next(iter(self._until)).fail(Reason.SERVER_BUSY, "Too many clients want to be provisioned.")
        self._until[connection] = self._context.clock_ms() + settings.provisioning_timeout_s * 1000
        side = ProvisioningSide(self._context, connection, session, self._run)
        connection.accept(session, side, is_resumed=False, connect=connect, properties=grant.properties)

    def closed(self, connection: Connection) -> None:
        """Hear that a connection, of whomever, is over."""
        self._until.pop(connection, None)

    def end_late(self, now_ms: int) -> None:
        """Close the connections whose time is over; to be called about once a second."""
        for connection in [it for it, until_ms in self._until.items() if until_ms <= now_ms]:
            connection.fail(Reason.MAXIMUM_CONNECT_TIME, "Connect again with the device's credentials.")


class ProvisioningSide:
    """The meaning of one such connection. An `Application`."""

    def __init__(self, context: MqttContext, connection: Connection, session: Session, run: Run) -> None:
        self._provisioning = context.provisioning
        self._connection = connection
        self._session = session
        self._run = run
        self._is_busy = False
        self._waiting: deque[tuple[bytes, int]] = deque()

    def receive(self, topic: str, payload: bytes, token: int, properties: Properties = EMPTY) -> None:
        """Take a request; one after the other is answered."""
        if topic != topics.PROVISION_REQUEST:
            told = f"Without credentials only {topics.PROVISION_REQUEST} is there."
            self._connection.refuse(token, Reason.NOT_AUTHORIZED, told)
        elif len(self._waiting) >= _MOST_WAITING:
            self._connection.fail(Reason.QUOTA_EXCEEDED, "Wait for the answer, then ask again.")
        else:
            self._waiting.append((payload, token))
            if not self._is_busy:
                self._is_busy = True
                self._run(self._answer_all())

    def may_subscribe(self, topic_filter: str) -> bool:
        """Tell whether there is something to hear."""
        return topic_filter == topics.PROVISION_RESPONSE

    def subscribed(self, topic_filter: str) -> None:
        """Answers come in any case."""

    def unsubscribed(self, topic_filter: str) -> None:
        """Answers come in any case."""

    async def _answer_all(self) -> None:
        try:
            while self._waiting and not self._connection.is_closed:
                await self._answer(*self._waiting.popleft())
        except BaseException:
            self._connection.fail(Reason.UNSPECIFIED_ERROR, "Something went wrong here; it is in the log.")
            raise
        finally:
            self._is_busy = False

    async def _answer(self, payload: bytes, token: int) -> None:
        connection, as_json = self._connection, protobuf_request(payload)
        write = msgspec.json.encode if as_json is None else protobuf_answer
        try:
            request = payload if as_json is None else as_json
            answer = await self._provisioning.answer(request, connection.link.source_address())
        except Refusal as refusal:
            # Told in a message, too: before MQTT 5 the client would wait for it in vain.
            self._respond(write({"status": "FAILURE", "errorMsg": refusal.message}))
            if connection.level == 5:
                connection.refuse(token, reason_of(refusal), refusal.message)
            else:
                connection.acknowledge(token)
        else:
            self._respond(write(answer))
            connection.acknowledge(token)

    def _respond(self, answer: bytes) -> None:
        qos = (self._session.subscriptions or {}).get(topics.PROVISION_RESPONSE, 0)
        self._session.send(Outbound(topics.PROVISION_RESPONSE, answer, qos))
