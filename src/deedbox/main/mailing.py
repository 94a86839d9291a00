"""Sends the mail that waits: scheduled work, so one node at a time does it."""

import asyncio
from collections.abc import Sequence
from email.message import EmailMessage
from functools import partial

import msgspec
import structlog

from deedbox.core.accounts.mails import Mail, Template, WaitingMail, next_try_at
from deedbox.core.storage import Stores
from deedbox.mail.messages import message_of
from deedbox.mail.sending import MailServer, NotSent, connected
from deedbox.main.parts import Parts

_AT_A_TIME = 10
_BETWEEN_LOOKS_S = 1.0
_MOST_COUNTED = 10_000
_LONGEST_BITE_S = 120.0
#: Beyond the longest bite: whoever takes a mail later knows that it was left.
_TAKEN_FOR_MS = 300_000

_log = structlog.get_logger(__name__)


class Mailing:
    """Looks for mail that is due and sends it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings.mail

    async def bite(self) -> float:
        """Send some of what is due; return after how many seconds to look again."""

        async def count(stores: Stores) -> int:
            return await stores.users.count_mails(_MOST_COUNTED)

        waiting = await self._parts.storage.look(count)
        self._parts.metrics.waiting_mails.set(waiting)
        if waiting:
            taken = await self._take()
            if taken:
                await self._send_all(taken)
                return 0.0
        return _BETWEEN_LOOKS_S

    async def _take(self) -> Sequence[WaitingMail]:
        async def work(stores: Stores) -> Sequence[WaitingMail]:
            return await stores.users.take_mails(await stores.users.now_ms() + _TAKEN_FOR_MS, _AT_A_TIME)

        return await self._parts.storage.write(work)

    async def _send_all(self, taken: Sequence[WaitingMail]) -> None:
        untouched = list(taken)
        try:
            async with asyncio.timeout(_LONGEST_BITE_S), connected(self._settings) as server:
                while untouched:
                    await self._send(server, untouched[0])
                    del untouched[0]
        except (NotSent, TimeoutError) as trouble:
            # No connection, or none that is worth it: that is nobody's fault in particular.
            for waiting in untouched:
                await self._failed(waiting, NotSent(str(trouble) or "the mail server is too slow"))

    async def _send(self, server: MailServer, waiting: WaitingMail) -> None:
        try:
            mail = self._opened(waiting)
            if mail.template is not Template.NOBODY:
                await server.send(self._message(mail, waiting))
                self._count("sent")
        except NotSent as trouble:
            await self._failed(waiting, trouble)
        else:
            await self._drop(waiting)

    def _opened(self, waiting: WaitingMail) -> Mail:
        if waiting.give_up_at <= self._parts.storage.now_ms():
            raise NotSent("it is too late", is_final=True)
        try:
            return self._parts.postbox.opened(waiting)
        except ValueError as error:
            raise NotSent("its key is not in the key file", is_final=True) from error
        except msgspec.DecodeError as error:
            # Of a newer release, during an upgrade: a node of that one will know it.
            raise NotSent("this release does not know it") from error

    def _message(self, mail: Mail, waiting: WaitingMail) -> EmailMessage:
        try:
            return message_of(mail, waiting.id, self._settings, self._parts.storage.now_ms())
        except (KeyError, ValueError) as error:
            raise NotSent(f"it can't be written: {type(error).__name__}", is_final=True) from error

    async def _failed(self, waiting: WaitingMail, trouble: NotSent) -> None:
        due_at = None if trouble.is_final else next_try_at(waiting, self._parts.storage.now_ms())
        _log.warning(
            "a mail was not sent", mail=str(waiting.id), reason=str(trouble), given_up=due_at is None
        )
        self._count("given_up" if due_at is None else "put_off")
        if due_at is None:
            await self._drop(waiting)
        else:
            await self._parts.storage.write_beside(partial(_put_off, waiting=waiting, due_at=due_at))

    async def _drop(self, waiting: WaitingMail) -> None:
        await self._parts.storage.write_beside(partial(_drop, waiting=waiting))

    def _count(self, outcome: str) -> None:
        self._parts.metrics.mails.labels(outcome).inc()


async def _put_off(stores: Stores, waiting: WaitingMail, due_at: int) -> None:
    await stores.users.put_off_mail(waiting.id, due_at)


async def _drop(stores: Stores, waiting: WaitingMail) -> None:
    await stores.users.drop_mail(waiting.id)
