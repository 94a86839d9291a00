"""Mail that waits, as rows."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.accounts.mails import WaitingMail
from deedbox.storage.attempts import AttemptStore


class MailStore(AttemptStore):
    """Mail that waits, inside a transaction."""

    async def add_mail(self, mail: WaitingMail) -> None:
        """Store a mail."""
        await self.transaction.run("add_mail", **msgspec.structs.asdict(mail))

    async def take_mails(self, until_ms: int, limit: int) -> Sequence[WaitingMail]:
        """Return mails that are due, the oldest first; nobody else gets them before `until_ms`."""
        taken: list[WaitingMail] = await self.transaction.structs(
            "take_mails", WaitingMail, until_ms=until_ms, now_ms=self.transaction.now_ms, most=limit
        )
        # What an update returns has no order.
        return sorted(taken, key=lambda it: it.id)

    async def put_off_mail(self, mail_id: UUID, due_at: int) -> None:
        """Have a mail be taken again at that moment."""
        await self.transaction.run("put_off_mail", mail_id=mail_id, due_at=due_at)

    async def drop_mail(self, mail_id: UUID) -> None:
        """Delete a mail."""
        await self.transaction.run("drop_mail", mail_id=mail_id)

    async def count_mails(self, limit: int) -> int:
        """Count the mails that wait, up to `limit`."""
        (row,) = await self.transaction.rows("count_mails", most=limit)
        return int(row[0])
