"""The bus of several nodes: NATS carries messages between them; on the same node they arrive at once.

So everything on one node goes on while NATS is away. What is published meanwhile for others is dropped and
counted: it would be old when they hear it, and they look at the database when NATS is back.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from deedbox.cluster.bus import LARGEST_MESSAGE_BYTES, REQUEST_TIMEOUT_S, Receive, Respond, Stop
from deedbox.cluster.local import LocalBus
from deedbox.cluster.nats_link import NatsLink, heed_cancellation
from deedbox.cluster.subjects import from_wire, listened_to, on_wire

MOST_WAITING = 20_000
MOST_WAITING_BYTES = 16 * 1024 * 1024
_MOST_UNHEARD = 65_536
_LOOK_EVERY_S = 1.0
_DRAIN_ATTEMPTS = 20
_DRAIN_PAUSE_S = 0.05

_log = logging.getLogger(__name__)

#: Something to do on the connection, after what came before.
_Step = tuple[str, bytes | None]


class BusObserver(Protocol):
    """Hears how the bus is."""

    def bus_connected(self, is_connected: bool) -> None:
        """Note that other nodes are in reach now, or no longer."""
        ...

    def bus_dropped(self, reason: str) -> None:
        """Note that a message was lost: "away", "full", "too_large"; "unheard" is one that came."""
        ...


class NatsBus:
    """A `Bus` over NATS. `keep_connected` has to run beside it."""

    def __init__(self, link: NatsLink, observer: BusObserver) -> None:
        self._link = link
        self._observer = observer
        self._local = LocalBus()
        #: What this node wants to hear, by how many listeners.
        self._wanted: dict[str, int] = {}
        self._subscriptions: dict[str, Subscription] = {}
        #: Messages by subject; a subject alone: see whether it is wanted.
        self._steps: deque[_Step] = deque()
        self._waiting_bytes = 0
        self._stirred = asyncio.Event()
        self._client: Client | None = None
        self._acts: list[Callable[[], None]] = []
        observer.bus_connected(False)
        link.when_unheard = lambda: observer.bus_dropped("unheard")

    @property
    def is_whole(self) -> bool:
        """Tell whether NATS is connected."""
        return self._client is not None

    @property
    def waiting(self) -> tuple[int, int]:
        """How many messages wait to leave, and their bytes."""
        return len(self._steps), self._waiting_bytes

    def when_back(self, act: Callable[[], None]) -> Stop:
        """Call `act` after each connection, when what is listened to is subscribed again."""
        self._acts.append(act)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._acts.remove(act)

        return stop

    def publish(self, subject: str, message: bytes = b"") -> None:
        """Call listeners on this node, and have the message sent to the other nodes."""
        self._local.publish(subject, message)
        self._send(on_wire(subject), message)

    def subscribe(self, subject: str, receive: Receive) -> Stop:
        """Listen; call what is returned to stop."""
        return self._wants(listened_to(subject), self._local.subscribe(subject, receive))

    def respond(self, subject: str, respond: Respond) -> Stop:
        """Answer requests; call what is returned to stop. Raises ValueError when somebody does already."""
        return self._wants(subject, self._local.respond(subject, respond))

    async def request(
        self, subject: str, message: bytes = b"", timeout_s: float = REQUEST_TIMEOUT_S
    ) -> bytes | None:
        """Return the answer of this node, else of another; None when there is none in that time."""
        if self._local.responds(subject):
            return await self._local.request(subject, message)
        if self._client is None:
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return (await self._client.request(subject, message, timeout=timeout_s)).data
        except (NatsError, OSError, TimeoutError):
            return None

    async def keep_connected(self) -> None:
        """Connect, and again whenever the connection is lost, until cancelled."""
        await self._link.keep(self._serve)

    async def drain(self) -> None:
        """Return when what was published so far is on its way, or cannot be soon."""
        for _ in range(_DRAIN_ATTEMPTS):
            if self._client is None or not self._steps:
                return
            await asyncio.sleep(_DRAIN_PAUSE_S)

    async def _serve(self, client: Client) -> None:
        try:
            for wanted in list(self._wanted):
                await self._subscribe(client, wanted)
            await client.flush()
            self._client = client
            self._observer.bus_connected(True)
            # What began or ceased to be wanted while this was under way.
            self._steps.extend((it, None) for it in {*self._wanted, *self._subscriptions})
            for act in list(self._acts):
                act()
            while not client.is_closed:
                await self._take_steps(client)
                heed_cancellation()
                await self._stir()
        finally:
            self._end()

    async def _take_steps(self, client: Client) -> None:
        while self._steps and not client.is_closed:
            subject, message = self._steps.popleft()
            if message is None:
                await self._subscribe(client, subject)
            else:
                self._waiting_bytes -= len(message)
                await client.publish(subject, message)
            heed_cancellation()

    async def _stir(self) -> None:
        """Wait for the next step; look now and then whether there still is a connection."""
        self._stirred.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._stirred.wait()

    def _end(self) -> None:
        self._client = None
        self._subscriptions.clear()
        for _, message in self._steps:
            if message is not None:
                self._observer.bus_dropped("away")
        self._steps.clear()
        self._waiting_bytes = 0
        self._observer.bus_connected(False)

    async def _subscribe(self, client: Client, wanted: str) -> None:
        """Bring the connection's subscriptions to what is wanted by now."""
        subscription = self._subscriptions.get(wanted)
        if wanted in self._wanted and subscription is None:
            self._subscriptions[wanted] = await client.subscribe(
                wanted, cb=self._hear, pending_msgs_limit=_MOST_UNHEARD
            )
        elif wanted not in self._wanted and subscription is not None:
            del self._subscriptions[wanted]
            await subscription.unsubscribe()

    async def _hear(self, heard: Msg) -> None:
        try:
            if not heard.reply:
                self._local.publish(from_wire(heard.subject), heard.data)
            elif (answer := await self._local.request(heard.subject, heard.data)) is not None:
                self._send(heard.reply, answer)
        except Exception:
            _log.exception("what another node said can't be understood: does it run the same release?")

    def _send(self, subject: str, message: bytes) -> None:
        reason = self._obstacle(message)
        if reason:
            self._observer.bus_dropped(reason)
            return
        self._waiting_bytes += len(message)
        self._step(subject, message)

    def _obstacle(self, message: bytes) -> str:
        if len(message) > LARGEST_MESSAGE_BYTES:
            return "too_large"
        if self._client is None:
            return "away"
        is_full = len(self._steps) >= MOST_WAITING or self._waiting_bytes > MOST_WAITING_BYTES
        return "full" if is_full else ""

    def _step(self, subject: str, message: bytes | None) -> None:
        self._steps.append((subject, message))
        self._stirred.set()

    def _wants(self, wanted: str, stop_here: Stop) -> Stop:
        self._count(wanted, 1)
        stops = [stop_here]

        def stop() -> None:
            while stops:
                stops.pop()()
                self._count(wanted, -1)

        return stop

    def _count(self, wanted: str, change: int) -> None:
        count = self._wanted.get(wanted, 0) + change
        if count:
            self._wanted[wanted] = count
        else:
            del self._wanted[wanted]
        if self._client is not None and (not count or (change > 0 and count == 1)):
            self._step(wanted, None)
