"""Budgets of wrong provisioning keys: they belong to whoever guesses, so that no stranger stops a factory."""

from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from deedbox.core import attempts
from deedbox.core.attempts import AttemptStore, Budget, Ledger
from deedbox.core.source_networks import network_of

_BY_ADDRESS, _BY_KEY, _NEWS = b"provision", b"provision-key", b"provision-news"


class ProvisioningPolicy(msgspec.Struct, frozen=True):
    """Section `provisioning`."""

    attempts_per_address: Annotated[
        int,
        Meta(
            ge=1, description="Wrong provisioning keys or secrets that an IPv4 address or IPv6 /64 may send."
        ),
    ] = 20
    attempts_window_s: Annotated[
        int, Meta(ge=1, le=86_400, description="The sliding window in which they are counted.")
    ] = 300


class KeyAttemptStore(AttemptStore, Protocol):
    """Spent attempts, inside one transaction."""

    async def now_ms(self) -> int:
        """Return the moment of the transaction, in epoch milliseconds."""
        ...


async def spend(store: KeyAttemptStore, policy: ProvisioningPolicy, address: str, device_key: str) -> int:
    """Spend an attempt of an address on a key; return 0, or the milliseconds until it has one again."""
    budgets = _budgets(policy, address, device_key)

    def by(held: Ledger) -> int:
        wait_ms = held.wait_ms(budgets)
        if not wait_ms:
            held.spend(budgets)
        return wait_ms

    wait_ms, ledger = await attempts.decide(store, budgets, await store.now_ms(), by)
    await store.spend_attempts(ledger.newly_spent)
    return wait_ms


async def wait_of(store: KeyAttemptStore, policy: ProvisioningPolicy, address: str, device_key: str) -> int:
    """Return for how many milliseconds not even a right secret of this key counts, 0 for none.

    What the address spent on other keys does not matter: the devices of a factory have one address, and one
    of them with a wrong key must not stop the others.
    """
    budget, now_ms = _budgets(policy, address, device_key)[0], await store.now_ms()
    spent = await store.spent_attempts([budget.scope], now_ms - budget.window_ms)
    return Ledger(spent, now_ms).wait_ms([budget])


async def is_news(store: KeyAttemptStore, policy: ProvisioningPolicy, what: str) -> bool:
    """Tell, once in a window, that a failure is news: devices ask again and again."""
    budget = Budget(attempts.address_scope(_NEWS, ascii(what)), 1, policy.attempts_window_s * 1000)
    ledger = await attempts.hold(store, [budget], await store.now_ms())
    if ledger.is_spent([budget]):
        return False
    ledger.spend([budget])
    await store.spend_attempts(ledger.newly_spent)
    return True


def _budgets(policy: ProvisioningPolicy, address: str, device_key: str) -> list[Budget]:
    """Return the budgets of an address: with this key, and in all."""
    network, window_ms = network_of(address), policy.attempts_window_s * 1000
    scopes = (
        attempts.address_scope(_BY_KEY, f"{network} {device_key!a}"),
        attempts.address_scope(_BY_ADDRESS, network),
    )
    return [Budget(scope, policy.attempts_per_address, window_ms) for scope in scopes]
