"""Alarms about guessing: how many wrong keys a tenant's users, and everybody's, tried (behaviour §6.1).

Budgets stop each guesser; many accounts together are seen here only. An alarm tells and never refuses,
since a limit on everybody would let a few strangers lock all holders out.
"""

from collections.abc import Mapping
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from deedbox.core.ids import NULL_ID
from deedbox.core.ownership import ClaimPolicy
from deedbox.core.records import Event, RecordStore, json_text

Scope = Literal["tenant", "deployment"]

_EVENT_TYPES: Mapping[Scope, str] = {
    "tenant": "tenant.claim_guesses_alarm",
    "deployment": "deployment.claim_guesses_alarm",
}


class GuessAlarm(msgspec.Struct, frozen=True):
    """`guesses` wrong keys since `window_start` (epoch ms); `owner_id` is the tenant, or NULL_ID for all."""

    scope: Scope
    owner_id: UUID
    guesses: int
    window_start: int


class GuessCountStore(RecordStore, Protocol):
    """Counters of wrong keys, inside one transaction."""

    async def add_guesses(self, window_start: int, guesses: Mapping[UUID, int]) -> Mapping[UUID, int]:
        """Add wrong keys to the counters of a window, by owner; return the new totals.

        Additions of transactions that run at the same time follow each other: no total is returned twice.
        """
        ...


async def count_guesses(
    store: GuessCountStore, by_tenant: Mapping[UUID, int], policy: ClaimPolicy, now_ms: int
) -> tuple[GuessAlarm, ...]:
    """Count wrong keys and return the alarms that they raised, each also as an event in the outbox.

    Windows are fixed, so each of them raises one alarm per tenant and one for all at most.
    """
    if not by_tenant:
        return ()
    window_ms = policy.attempts_window_s * 1000
    window_start = now_ms - now_ms % window_ms
    added = {**by_tenant, NULL_ID: sum(by_tenant.values())}
    totals = await store.add_guesses(window_start, added)
    alarms = tuple(
        GuessAlarm(_scope(owner_id), owner_id, total, window_start)
        for owner_id, total in sorted(totals.items())
        if total - added[owner_id] < _threshold(owner_id, policy) <= total
    )
    await store.add_events([_event(store, it, window_ms, now_ms) for it in alarms])
    return alarms


def _scope(owner_id: UUID) -> Scope:
    return "deployment" if owner_id == NULL_ID else "tenant"


def _threshold(owner_id: UUID, policy: ClaimPolicy) -> int:
    return policy.alarm_per_deployment if owner_id == NULL_ID else policy.alarm_per_tenant


def _event(store: GuessCountStore, it: GuessAlarm, window_ms: int, now_ms: int) -> Event:
    data = json_text({"guesses": it.guesses, "windowStart": it.window_start, "windowMs": window_ms})
    return Event(store.new_id(), it.owner_id, None, 0, _EVENT_TYPES[it.scope], data, now_ms)
