"""What a gateway is answered: what of its message was taken, and why not the rest, in one acknowledgement."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from deedbox.core.errors import InvalidValue, LimitReached, NotFound, NotPermitted, Refusal
from deedbox.core.gateways import NotSpokenFor
from deedbox.transports.mqtt.gateway_children import Child
from deedbox.transports.mqtt.properties import EMPTY, Properties

BAD_PAYLOAD = "bad_payload"
#: Refused devices that an acknowledgement names; there may be more.
MOST_NAMED = 50

T = TypeVar("T")


class Outcome:
    """What became of the entries of a message."""

    def __init__(self, accepted: int, refused: Mapping[str, str]) -> None:
        self.accepted = accepted
        self._refused: dict[str, str] = {name: str(why) for name, why in refused.items()}

    def read(self, children: Mapping[str, Child], reading: Callable[[Child], T]) -> list[tuple[Child, T]]:
        """Return what could be understood, by device; what could not is refused."""
        told = []
        for child in children.values():
            try:
                told.append((child, reading(child)))
            except InvalidValue:
                self.refuse(child.name, BAD_PAYLOAD)
        return told

    def refuse(self, name: str, why: str) -> None:
        """Note that an entry was not taken that was counted as accepted."""
        self._refused[name] = str(why)
        self.accepted -= 1

    def refuse_all(self, refusals: Mapping[str, BaseException]) -> None:
        """Note which entries were not stored. Raises what concerns all of them."""
        for name, refusal in refusals.items():
            if isinstance(refusal, InvalidValue):
                self.refuse(name, BAD_PAYLOAD)
            elif isinstance(refusal, NotFound):
                self.refuse(name, NotSpokenFor.NOT_ITS_DEVICE)
            else:
                raise refusal

    def answer(self, level: int, *, always: bool = False) -> Properties:
        """Return what the acknowledgement says; with `always` also when nothing was refused.

        Raises InvalidValue where an entry was no good; in MQTT 5 LimitReached and NotPermitted, too.
        """
        refused = set(self._refused.values())
        if refused & {BAD_PAYLOAD, NotSpokenFor.BAD_NAME}:
            raise InvalidValue(self._text())
        if level < 5 or not (refused or always):
            return EMPTY
        if NotSpokenFor.TOO_MANY_DEVICES in refused:
            raise LimitReached(self._text())
        if NotSpokenFor.NOT_ITS_DEVICE in refused and not self.accepted:
            raise NotPermitted(self._text())
        texts = tuple((name, _plain(it)) for name, it in self._facts().items())
        return Properties(reason_string=self._text(), user_properties=texts)

    def _facts(self) -> dict[str, Any]:
        named = dict(list(self._refused.items())[:MOST_NAMED])
        more = len(self._refused) - len(named)
        facts: dict[str, Any] = {"accepted": self.accepted, "refused": named}
        return facts | {"more": more} if more else facts

    def _text(self) -> str:
        return _plain(self._facts())


class Gathering:
    """Waits until each of `count` entries was stored or refused."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._refusals: dict[str, BaseException] = {}
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not count:
            self._over.set_result(None)

    def done(self, name: str, refusal: Refusal | None) -> None:
        """Hear of one entry."""
        if refusal is not None:
            self._refusals[name] = refusal
        self._left -= 1
        if not self._left and not self._over.done():
            self._over.set_result(None)

    async def refusals(self) -> Mapping[str, BaseException]:
        """Wait for all; return what was refused, by name."""
        await self._over
        return self._refusals


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode()
