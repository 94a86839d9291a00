"""Attempt budgets: how many wrong guesses somebody may spend (behaviour §6.1).

Budgets belong to whoever guesses, never to the device, so that a stranger can't lock its holder out.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")


class Budget(msgspec.Struct, frozen=True):
    """At most `limit` attempts in any `window_ms` milliseconds for one scope (16 bytes)."""

    scope: bytes
    limit: int
    window_ms: int


class AttemptStore(Protocol):
    """Attempts that were spent, durable and seen by every node."""

    async def spent_attempts(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Return when attempts were spent in each scope since then (epoch ms, oldest first)."""
        ...

    async def lock_budgets(self, scopes: Sequence[bytes], since_ms: int) -> Mapping[bytes, Sequence[int]]:
        """Return the same as `spent_attempts`.

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


async def decide(
    store: AttemptStore, budgets: Sequence[Budget], now_ms: int, by: Callable[[Ledger], T]
) -> tuple[T, Ledger]:
    """Return what is decided `by` what is left of the budgets, and what it spent of them.

    Whoever spends nothing waits for nobody. Else what is left is certain only while nobody else can spend it:
    the budgets are locked, and it is decided again.
    """
    ledger = Ledger(await store.spent_attempts(*_asked(budgets, now_ms)), now_ms)
    decided = by(ledger)
    if ledger.newly_spent:
        ledger = await hold(store, budgets, now_ms)
        decided = by(ledger)
    return decided, ledger


async def hold(store: AttemptStore, budgets: Sequence[Budget], now_ms: int) -> Ledger:
    """Lock the budgets until the transaction ends and return what is left of them."""
    return Ledger(await store.lock_budgets(*_asked(budgets, now_ms)), now_ms)


def _asked(budgets: Sequence[Budget], now_ms: int) -> tuple[list[bytes], int]:
    longest_ms = max((budget.window_ms for budget in budgets), default=0)
    return sorted({budget.scope for budget in budgets}), now_ms - longest_ms


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
