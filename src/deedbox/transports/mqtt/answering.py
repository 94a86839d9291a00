"""Answers leave in the order in which the messages came (MQTT 5 §4.6), however long each takes."""

from collections import deque

#: Beside the packet id in what stands for a message until it is answered: it came with QoS 2.
QOS_2 = 0x10000


class Unanswered:
    """Tokens of messages that have no answer yet, oldest first, and answers that are ready too early.

    A token may be there more than once: a client may repeat a message that was not answered yet.
    """

    __slots__ = ("_early", "tokens", "unreleased")

    def __init__(self) -> None:
        self.tokens: deque[int] = deque()
        self._early: dict[int, list[bytes]] = {}
        #: Ids of messages with QoS 2 that are not released, of this connection of MQTT 5; None for never any.
        self.unreleased: set[int] | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, token: int) -> bool:
        """Take the token away if it is its turn, it came with QoS 1, and no answer waits for this one."""
        tokens = self.tokens
        if tokens and tokens[0] == token and token < QOS_2 and not self._early:
            tokens.popleft()
            return True
        return False

    def answer(self, token: int, answer: bytes, out: list[bytes]) -> None:
        """Add the answer to `out`, with those that waited for it; or keep it until its turn comes."""
        tokens = self.tokens
        if not tokens or tokens[0] != token:
            self._early.setdefault(token, []).append(answer)
            return
        tokens.popleft()
        out.append(answer)
        while self._early and tokens and tokens[0] in self._early:
            self._take_early(tokens.popleft(), out)

    def _take_early(self, token: int, out: list[bytes]) -> None:
        ready = self._early[token]
        out.append(ready.pop(0))
        if not ready:
            del self._early[token]
