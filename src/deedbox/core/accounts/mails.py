"""Mail that leaves later: a row in the transaction of what it tells of, sent by one node after the commit.

A mail holds links and codes that let people in, so it lies encrypted until it is sent. It is sent once; only
when a process dies between the sending and the note of it may it come twice, with the same Message-ID.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from deedbox.core import attempts
from deedbox.core.attempts import AttemptStore, Budget
from deedbox.core.ids import IdSource
from deedbox.core.keys import NONCE_BYTES, KeyRing

DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_FIRST_PAUSE_MS = 60_000
_PURPOSE = b"mail"


class Template(StrEnum):
    """What a mail says; each has a section in the texts of every language."""

    ACTIVATION = "activation"
    RESET = "reset"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a name
    NEW_SIGN_IN = "new_sign_in"
    #: Never sent: it costs what others cost where an address has no account.
    NOBODY = "nobody"


class Mail(msgspec.Struct, frozen=True):
    """A mail to be sent: to whom, what, with which values. At `give_up_at` (epoch ms) it is worth nothing."""

    address: str
    template: Template
    give_up_at: int
    values: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Mail({self.template!r})"  # its values let people in


class WaitingMail(msgspec.Struct, frozen=True):
    """A mail as it is stored: `tries` so far, when it is due next."""

    id: UUID
    ciphertext: bytes
    tries: int
    due_at: int
    give_up_at: int


class MailStore(AttemptStore, IdSource, Protocol):
    """Mail that waits, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment that decides, in epoch milliseconds."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    async def add_mail(self, mail: WaitingMail) -> None:
        """Store a mail."""
        ...

    async def take_mails(self, until_ms: int, limit: int) -> Sequence[WaitingMail]:
        """Return mails that are due, at most `limit`; nobody else gets them before `until_ms`."""
        ...

    async def put_off_mail(self, mail_id: UUID, due_at: int) -> None:
        """Have a mail be taken again at that moment."""
        ...

    async def drop_mail(self, mail_id: UUID) -> None:
        """Delete a mail."""
        ...

    async def count_mails(self, limit: int) -> int:
        """Count the mails that wait, up to `limit`."""
        ...


class Postbox:
    """Takes mail in, where any is sent; `base_url` is what links in it begin with, "" for no mail."""

    def __init__(self, keys: KeyRing, base_url: str = "", per_address: int = 5) -> None:
        self.keys = keys
        self._base_url = base_url.rstrip("/")
        self._per_address = per_address

    @property
    def is_open(self) -> bool:
        """Whether mail is sent at all."""
        return bool(self._base_url)

    def link(self, path: str, **query: str) -> str:
        """Return the address of a page, for a mail."""
        return f"{self._base_url}{path}?{urlencode(query)}" if query else f"{self._base_url}{path}"

    async def post(self, store: MailStore, mail: Mail) -> None:
        """Have a mail sent after the commit; does nothing where no mail is sent."""
        if not self.is_open:
            return
        mail_id = store.new_id()
        sealed = self.keys.encrypt(
            msgspec.json.encode(mail).decode(), mail_id.bytes, store.random_bytes(NONCE_BYTES)
        )
        await store.add_mail(WaitingMail(mail_id, sealed, 0, await store.now_ms(), mail.give_up_at))

    async def post_for_stranger(self, store: MailStore, mail: Mail) -> bool:
        """Post what anybody can cause; False when the address has had too many of these within an hour."""
        now_ms = await store.now_ms()
        budget = Budget(attempts.address_scope(_PURPOSE, mail.address), self._per_address, _HOUR_MS)
        held = await attempts.hold(store, [budget], now_ms)
        if held.is_spent([budget]):
            return False
        held.spend([budget])
        await store.spend_attempts(held.newly_spent)
        await self.post(store, mail)
        return True

    def opened(self, waiting: WaitingMail) -> Mail:
        """Return what is in a stored mail. Raises ValueError when its key is gone."""
        text = self.keys.decrypt(waiting.ciphertext, waiting.id.bytes)
        return msgspec.json.decode(text, type=Mail)


def next_try_at(waiting: WaitingMail, now_ms: int) -> int | None:
    """Return when to try again what could not be sent (epoch ms), None to give it up."""
    due_at = now_ms + min(_FIRST_PAUSE_MS << min(waiting.tries, 10), _HOUR_MS)
    return due_at if due_at < waiting.give_up_at else None
