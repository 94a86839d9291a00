"""What a refused claim leaves behind: an entry in the tenant's audit log, an event when guesses burst."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from deedbox.core.attempts import Ledger
from deedbox.core.claim_requests import Answer, ClaimOutcome, ClaimRequest
from deedbox.core.guess_alarms import GuessCountStore, count_guesses
from deedbox.core.ownership import ClaimPolicy, DeviceState, Window
from deedbox.core.records import Event, RecordStore, Subject, audit_entry, json_text

Refused = tuple[ClaimRequest, DeviceState | None, ClaimOutcome]

#: Throttled ones are counted, not written one by one (behaviour §6.1).
_NOT_RECORDED = (Answer.SUCCESS, Answer.TOO_MANY_ATTEMPTS)


def why_not(state: DeviceState, matching: Sequence[Window], now_ms: int) -> str:
    """Say for the tenant's audit log why no key opened anything."""
    if state.blocked:
        return "claiming is blocked"
    if not matching:
        return "wrong key" if state.windows else "no claim window"
    is_open = any(window.is_open(now_ms) for window in matching)
    return "claiming is not allowed" if is_open else "key expired"


async def record_refusals(
    store: GuessCountStore,
    decided: Sequence[Refused],
    budgets: Ledger,
    policy: ClaimPolicy,
    now_ms: int,
) -> list[ClaimOutcome]:
    """Write what the tenant shall know of those that were refused (behaviour §6.4); return all outcomes.

    Alarms that their guesses raised are on the last outcome.
    """
    outcomes = [outcome for _, _, outcome in decided]
    refused = [it for it in decided if it[2].answer not in _NOT_RECORDED]
    if not refused:
        return outcomes
    entries = [
        audit_entry(store, it.actor, _subject(it, state), "CLAIM_DEVICE", now_ms=now_ms, failure=outcome.why)
        for it, state, outcome in refused
    ]
    await store.add_audit_entries(entries)
    used_up = {it.actor.user_id: it for it, _, _ in refused if budgets.is_spent(it.budgets(policy))}
    await store.add_events([_burst(store, it, now_ms) for it in used_up.values()])
    alarms = await count_guesses(store, _guesses(refused, budgets, policy), policy, now_ms)
    if alarms:
        outcomes[-1] = msgspec.structs.replace(outcomes[-1], alarms=alarms)
    return outcomes


def _guesses(refused: Sequence[Refused], budgets: Ledger, policy: ClaimPolicy) -> Counter[UUID]:
    """Return how many wrong keys were tried, by tenant: what was spent at names of devices."""
    spent = Counter(scope for scope, _ in budgets.newly_spent)
    tenants = {it.budgets(policy)[1].scope: it.actor.tenant_id for it, _, _ in refused}
    guesses: Counter[UUID] = Counter()
    for scope, tenant_id in tenants.items():
        guesses[tenant_id] += spent[scope]
    return +guesses


def _burst(store: RecordStore, it: ClaimRequest, now_ms: int) -> Event:
    data = {
        "userId": it.actor.user_id,
        "deviceName": it.device_name,
        "sourceAddress": it.actor.source_address,
    }
    kind = "device.claim_failed_burst"
    return Event(store.new_id(), it.actor.tenant_id, None, 0, kind, json_text(data), now_ms)


def _subject(it: ClaimRequest, state: DeviceState | None) -> Subject:
    device_id, epoch = (state.device.id, state.epoch) if state else (None, 0)
    return Subject("DEVICE", device_id, it.device_name, epoch)
