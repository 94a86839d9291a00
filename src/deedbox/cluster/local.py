"""The bus of a server that runs alone: messages stay in the process and arrive at once."""

import contextlib
from collections.abc import Callable

from deedbox.cluster.bus import REQUEST_TIMEOUT_S, Receive, Respond, Stop


class LocalBus:
    """A bus inside one process."""

    def __init__(self) -> None:
        self._receivers: dict[str, list[Receive]] = {}
        self._responders: dict[str, Respond] = {}

    @property
    def is_whole(self) -> bool:
        """Return True: there is nobody else."""
        return True

    def when_back(self, act: Callable[[], None]) -> Stop:
        """Never call `act`: nothing is ever missed."""
        return lambda: None

    def publish(self, subject: str, message: bytes = b"") -> None:
        """Call everybody who listens to the subject now."""
        # The newest listener first: it is the least likely to hang on a connection that is dead.
        for receive in reversed(list(self._receivers.get(subject, ()))):
            receive(message)

    def subscribe(self, subject: str, receive: Receive) -> Stop:
        """Listen; call what is returned to stop."""
        self._receivers.setdefault(subject, []).append(receive)

        def stop() -> None:
            listeners = self._receivers.get(subject, [])
            with contextlib.suppress(ValueError):
                listeners.remove(receive)
            if not listeners:
                self._receivers.pop(subject, None)

        return stop

    def respond(self, subject: str, respond: Respond) -> Stop:
        """Answer requests; call what is returned to stop. Raises ValueError when somebody does already."""
        if subject in self._responders:
            raise ValueError(f"{subject} has a responder already")
        self._responders[subject] = respond

        def stop() -> None:
            self._responders.pop(subject, None)

        return stop

    def responds(self, subject: str) -> bool:
        """Tell whether somebody answers requests to the subject."""
        return subject in self._responders

    async def request(
        self, subject: str, message: bytes = b"", timeout_s: float = REQUEST_TIMEOUT_S
    ) -> bytes | None:
        """Return the responder's answer, None when there is none."""
        respond = self._responders.get(subject)
        return None if respond is None else respond(message)
