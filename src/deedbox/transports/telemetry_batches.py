"""What waits to be stored together, and each device's way into it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from deedbox.core.errors import Refusal
from deedbox.core.telemetry_journal import Message, size_bytes

if TYPE_CHECKING:
    from deedbox.transports.ingest import TelemetryIngest

#: Called once per message: with what was handed over beside it, and with the refusal if there is one.
Done = Callable[[Any, Refusal | None], None]


class NewShape(NamedTuple):
    """A message with names that its device has not been seen to use."""

    device_id: UUID
    message: Message
    names: frozenset[str]
    done: Done
    token: Any


class Sender:
    """One device's way in. Kept by its connection, so that the usual message costs next to nothing."""

    __slots__ = ("_ingest", "_messages", "_names", "device_id")

    def __init__(self, ingest: "TelemetryIngest", device_id: UUID) -> None:
        self._ingest = ingest
        self.device_id = device_id
        #: The names in its last message: devices mostly send the same ones again.
        self._names: tuple[str, ...] = ()
        self._messages: list[Message] | None = None

    def add(self, message: Message, names: tuple[str, ...], done: Done, token: Any) -> None:
        """Take a message; `done(token, refusal)` is called once it is on the disk, or will never be.

        Raises InvalidValue for names that can't be stored.
        """
        ingest = self._ingest
        if names != self._names:
            if not ingest.is_known(self.device_id, names):
                ingest.add_new(self.device_id, message, names, done, token)
                return
            self._names = names
        batch, messages = ingest.batch, self._messages
        if messages is None:
            self._messages = [message]
            batch.senders.append(self)
        else:
            messages.append(message)
        waiting = batch.done
        if not waiting:
            ingest.wake()
        waiting.append((self, done, token))

    def take(self) -> tuple[UUID, list[Message]]:
        """Return what was added since it was asked last."""
        messages, self._messages = self._messages or [], None
        return self.device_id, messages


class Batch:
    """Messages that share a transaction."""

    __slots__ = ("done", "known", "new", "senders", "size_bytes")

    def __init__(self) -> None:
        self.senders: list[Sender] = []
        self.done: list[tuple[Sender, Done, Any]] = []
        self.new: list[NewShape] = []
        #: What the senders have sent, and how long it is, from `close` on.
        self.known: list[tuple[UUID, list[Message]]] = []
        self.size_bytes = 0

    @property
    def size(self) -> int:
        """How many messages there are."""
        return len(self.done) + len(self.new)

    def close(self) -> None:
        """Take no more: it is about to be stored."""
        self.known = [it.take() for it in self.senders]
        self.size_bytes = size_bytes(it for _, messages in self.known for it in messages)
        self.size_bytes += size_bytes(it.message for it in self.new)
