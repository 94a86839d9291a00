"""Attempt budgets: how many wrong guesses somebody may spend (behaviour §6.1).

Budgets belong to whoever guesses, never to the device, so that a stranger can't lock its holder out.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec


class Budget(msgspec.Struct, frozen=True):
    """At most `limit` attempts in any `window_ms` milliseconds for one scope (16 bytes)."""

    scope: bytes
    limit: int
    window_ms: int


class AttemptStore(Protocol):
    """Attempts that were spent, durable and seen by every node."""

    async def lock_budgets(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Return when attempts were spent in each scope since then (epoch ms, oldest first).

        Until the transaction ends nobody else reads or spends these scopes: what is decided from
        the answer is a reservation, not a guess about a moment that has passed.
        """
        ...

    async def spend_attempts(self, spent: Sequence[tuple[bytes, int]]) -> None:
        """Store spent attempts as (scope, epoch ms)."""
        ...


class Ledger:
    """The budgets that one transaction holds: asks, then spends."""

    def __init__(self, spent: Mapping[bytes, Sequence[int]], now_ms: int) -> None:
        self._spent = {scope: list(times) for scope, times in spent.items()}
        self._now_ms = now_ms
        #: What this transaction spent, to be stored: (scope, epoch ms).
        self.newly_spent: list[tuple[bytes, int]] = []

    def wait_ms(self, budgets: Sequence[Budget]) -> int:
        """Return 0 when every budget has an attempt left, else the milliseconds until one is free."""
        return max((self._wait_ms(budget) for budget in budgets), default=0)

    def spend(self, budgets: Sequence[Budget]) -> None:
        """Take one attempt out of each budget."""
        for budget in budgets:
            self._spent.setdefault(budget.scope, []).append(self._now_ms)
            self.newly_spent.append((budget.scope, self._now_ms))

    def is_spent(self, budgets: Sequence[Budget]) -> bool:
        """Tell whether any of these budgets has nothing left."""
        return self.wait_ms(budgets) > 0

    def _wait_ms(self, budget: Budget) -> int:
        since_ms = self._now_ms - budget.window_ms
        # A step back of the clock must not free what was spent "in the future".
        recent = [time_ms for time_ms in self._spent.get(budget.scope, ()) if time_ms > since_ms]
        if len(recent) < budget.limit:
            return 0
        frees_at = sorted(recent)[len(recent) - budget.limit] + budget.window_ms
        return max(1, frees_at - self._now_ms)


async def hold(store: AttemptStore, budgets: Sequence[Budget], now_ms: int) -> Ledger:
    """Lock the budgets until the transaction ends and return what is left of them."""
    longest_ms = max((budget.window_ms for budget in budgets), default=0)
    scopes = sorted({budget.scope for budget in budgets})
    return Ledger(await store.lock_budgets(scopes, now_ms - longest_ms), now_ms)


def user_scope(user_id: UUID) -> bytes:
    """Return the scope of all claims of one user."""
    return _scope(b"user", user_id.bytes)


def user_device_scope(user_id: UUID, tenant_id: UUID, device_name: str) -> bytes:
    """Return the scope of one user's claims of one device name, whether such a device exists or not."""
    name = device_name.encode("utf-8", "surrogatepass")
    return _scope(b"device", user_id.bytes + tenant_id.bytes + name)


def address_scope(purpose: bytes, network: str) -> bytes:
    """Return the scope of a source network (an IPv4 address or an IPv6 /64) for one purpose."""
    return _scope(purpose, network.encode())


def _scope(purpose: bytes, subject: bytes) -> bytes:
    return hashlib.blake2b(subject, digest_size=16, person=purpose).digest()
