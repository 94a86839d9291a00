"""Sign-in sessions as rows; a token is worth something only while its session's row is there."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import Authority, Principal
from deedbox.core.sessions import Session
from deedbox.storage.access.memberships import with_grants
from deedbox.storage.attempts import AttemptStore


class SessionStore(AttemptStore):
    """Sessions inside a transaction."""

    async def add_session(self, session: Session, most: int) -> Collection[UUID]:
        """Store a session and end the user's oldest beyond `most`."""
        await self.transaction.run("add_session", **msgspec.structs.asdict(session))
        ended = await self.transaction.rows("end_oldest_sessions", user_id=session.user_id, most=most)
        return [UUID(bytes=row[0]) for row in ended]

    async def renew_session(self, renewed: Session, refresh_id: str) -> bool:
        """Give a session its next refresh id and expiry, if `refresh_id` is its current one."""
        changed = await self.transaction.run(
            "renew_session",
            id=renewed.id,
            next_refresh_id=renewed.refresh_id,
            expires_at=renewed.expires_at,
            used_at=renewed.used_at,
            refresh_id=refresh_id,
        )
        return changed == 1

    async def find_session(self, session_id: UUID) -> Session | None:
        """Return a session, expired or not."""
        found = await self.transaction.structs("session_by_id", Session, session_id=session_id)
        return found[0] if found else None

    async def sessions_of(self, user_id: UUID) -> Sequence[Session]:
        """Return a user's sessions, the newest first, expired ones too."""
        return await self.transaction.structs("sessions_of_user", Session, user_id=user_id)

    async def has_session_from(self, user_id: UUID, network: str) -> bool:
        """Tell whether a session of this user began in that network."""
        asked = {"user_id": user_id, "network": network}
        return bool(await self.transaction.rows("session_from", **asked))

    async def end_session(self, session_id: UUID) -> None:
        """Delete a session."""
        await self.transaction.run("end_session", session_id=session_id)

    async def end_sessions(self, user_id: UUID) -> None:
        """Delete all sessions of a user."""
        await self.transaction.run("end_sessions_of_user", user_id=user_id)

    async def signed_in(self, session_id: UUID) -> Principal | None:
        """Return who an unexpired session belongs to."""
        found = await self.transaction.structs(
            "signed_in", Principal, session_id=session_id, now_ms=self.transaction.now_ms
        )
        return await with_grants(self.transaction, found[0]) if found else None

    async def public_visitor(self, customer_id: UUID) -> Principal | None:
        """Return whoever looks at what a public customer shows."""
        found = await self.transaction.rows("public_customer", customer_id=customer_id)
        if not found:
            return None
        tenant_id, title = found[0]
        return Principal(
            user_id=NULL_ID,
            authority=Authority.CUSTOMER_USER,
            tenant_id=UUID(bytes=tenant_id),
            customer_id=customer_id,
            email=str(customer_id),
            session_id=customer_id,
            customer_title=title,
            is_public=True,
        )

    async def return_attempt(self, scope: bytes, spent_at: int) -> None:
        """Take back one attempt that was spent at that moment."""
        await self.transaction.run("return_attempt", scope=scope, spent_at=spent_at)
