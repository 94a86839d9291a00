"""Claim intents as rows."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.claim_intents import StoredIntent
from deedbox.storage.attempts import AttemptStore


class ClaimIntentStore(AttemptStore):
    """Claim intents inside a transaction."""

    async def add_intent(self, intent: StoredIntent, most: int) -> None:
        """Store an intent; beyond `most` of them those that expire first are deleted."""
        await self.transaction.run("add_claim_intent", **msgspec.structs.asdict(intent))
        await self.transaction.run("crowd_out_claim_intents", most=most)

    async def intent_by(self, digests: Sequence[bytes]) -> StoredIntent | None:
        """Return the intent with one of these digests, expired or not."""
        rows = await self.transaction.batch("claim_intent_by_digest", [(it,) for it in digests])
        if not rows:
            return None
        digest, tenant_id, ciphertext, expires_at = rows[0]
        return StoredIntent(bytes(digest), UUID(bytes=tenant_id), bytes(ciphertext), expires_at)

    async def drop_intents(self, digests: Sequence[bytes]) -> None:
        """Delete the intents with these digests."""
        await self.transaction.batch("drop_claim_intents", [(it,) for it in digests])
