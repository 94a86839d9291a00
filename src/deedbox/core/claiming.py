"""The claim: whoever knows the key becomes the owner. Read from top to bottom, this is the whole algorithm.

Requests come in batches (one request is a batch of one) and are decided in one transaction (behaviour §4):
the device is locked, an attempt reserved, the key compared, and one guarded statement opens the deeds.
"""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from deedbox.core import attempts
from deedbox.core.claim_refusals import record_refusals, why_not
from deedbox.core.claim_requests import Answer, ClaimOutcome, ClaimRequest, ClaimStore
from deedbox.core.deeds import Opening, Reason, record_openings
from deedbox.core.ids import NULL_ID
from deedbox.core.keys import KeyRing
from deedbox.core.ownership import ClaimPolicy, DeviceState, OpenDeed, Window, WindowKind
from deedbox.core.presented_keys import PresentedKey

_IDEMPOTENT_FOR_MS = 24 * 3600 * 1000


class _Judged(msgspec.Struct, frozen=True):
    """What is known before the race: an opening to try, or an answer that stands."""

    request: ClaimRequest
    outcome: ClaimOutcome
    state: DeviceState | None = None
    opening: Opening | None = None


async def claim(
    requests: Sequence[ClaimRequest], store: ClaimStore, keys: KeyRing, policy: ClaimPolicy
) -> list[ClaimOutcome]:
    """Decide the requests in their order; a device gets one owner at most, however many ask at once."""
    now_ms = await store.now_ms()
    wanted = [it.budgets(policy) for it in requests]
    states = await store.lock_named_devices([it.named for it in requests])

    def judge(budgets: attempts.Ledger) -> list[_Judged]:
        it = _Judge(store, keys, policy, budgets, now_ms)
        return [
            it.judge(asked, states.get(asked.named), own) for asked, own in zip(requests, wanted, strict=True)
        ]

    judged, budgets = await attempts.decide(store, [it for pair in wanted for it in pair], now_ms, judge)
    openings = [it.opening for it in judged if it.opening]
    opened = await store.open_deeds(openings)
    winners = {it.device_id: it for it in openings if it.deed_id in opened}
    outcomes = [_outcome(it, winners) for it in judged]
    await _clean_up(store, winners, states.values(), now_ms)
    await store.spend_attempts(budgets.newly_spent)
    await _record(store, judged, opened)
    decided = [(it.request, it.state, outcome) for it, outcome in zip(judged, outcomes, strict=True)]
    return await record_refusals(store, decided, budgets, policy, now_ms)


class _Judge:
    """Decides all but the race."""

    def __init__(
        self,
        store: ClaimStore,
        keys: KeyRing,
        policy: ClaimPolicy,
        budgets: attempts.Ledger,
        now_ms: int,
    ) -> None:
        self._new_id = store.new_id
        self._keys = keys
        self._policy = policy
        self._budgets = budgets
        self._now_ms = now_ms

    def judge(
        self, request: ClaimRequest, state: DeviceState | None, budgets: Sequence[attempts.Budget]
    ) -> _Judged:
        """Reserve an attempt, compare, and give the attempt back to whoever knows a right key."""
        wait_ms = self._budgets.wait_ms(budgets)
        if wait_ms:
            return _Judged(request, ClaimOutcome(Answer.TOO_MANY_ATTEMPTS, retry_after_ms=wait_ms))
        # Digests are made for unknown devices too: the work must not tell which names exist.
        device_id = state.device.id if state else NULL_ID
        key = PresentedKey(request.secret_key, device_id, self._keys)
        if state is None:
            judged, knows_key = self._unknown(request), False
        elif state.deed is not None:
            judged, knows_key = self._owned(request, state, state.deed, key)
        else:
            judged, knows_key = self._free(request, state, key)
        if not knows_key:
            self._budgets.spend(budgets)
        return judged

    def _unknown(self, request: ClaimRequest) -> _Judged:
        answer = Answer.FAILURE if self._policy.answers == "uniform" else Answer.NOT_FOUND
        return _Judged(request, ClaimOutcome(answer, "unknown device"))

    def _owned(
        self, request: ClaimRequest, state: DeviceState, deed: OpenDeed, key: PresentedKey
    ) -> tuple[_Judged, bool]:
        if self._is_repeat(request, deed):
            return _Judged(request, _success(request, state), state), True
        own = deed.customer_id in (request.customer_id, request.actor.customer_id)
        may_know = key.was_among(deed.burnt) or own
        hide = self._policy.answers == "uniform" and not may_know
        answer = Answer.FAILURE if hide else Answer.CLAIMED
        # A key that the tenant set since is a right one that came too early: it costs nothing either.
        waits = [window for window in state.windows if key.opens(window)]
        return _Judged(request, ClaimOutcome(answer, "device has an owner"), state), may_know or bool(waits)

    def _free(self, request: ClaimRequest, state: DeviceState, key: PresentedKey) -> tuple[_Judged, bool]:
        matching = [window for window in state.windows if key.opens(window)]
        usable = [window for window in matching if self._usable(window, state)]
        if state.blocked or not usable:
            why = why_not(state, matching, self._now_ms)
            return _Judged(request, ClaimOutcome(Answer.FAILURE, why), state), bool(matching)
        opening = self._opening(request, state, usable[0])
        return _Judged(request, _success(request, state), state, opening), True

    def _usable(self, window: Window, state: DeviceState) -> bool:
        announced = window.kind is WindowKind.ANNOUNCED
        counts = not announced or state.announcing_allowed(self._policy)
        return counts and window.is_open(self._now_ms)

    def _is_repeat(self, request: ClaimRequest, deed: OpenDeed) -> bool:
        """Tell whether this is the very request that opened the deed, sent again (Idempotency-Key)."""
        digest = request.idempotency_digest
        recent = self._now_ms - deed.opened_at <= _IDEMPOTENT_FOR_MS
        same = digest == deed.idempotency_digest and request.customer_id == deed.customer_id
        return digest is not None and same and recent

    def _opening(self, request: ClaimRequest, state: DeviceState, window: Window) -> Opening:
        return Opening(
            deed_id=self._new_id(),
            device_id=state.device.id,
            customer_id=request.customer_id,
            actor=request.actor,
            reason=Reason.CLAIM,
            now_ms=self._now_ms,
            window=window,
            burnt=tuple(it.digest for it in state.windows),
            idempotency_digest=request.idempotency_digest,
        )


def _success(request: ClaimRequest, state: DeviceState) -> ClaimOutcome:
    device = msgspec.structs.replace(state.device, customer_id=request.customer_id)
    return ClaimOutcome(Answer.SUCCESS, device=device)


def _outcome(judged: _Judged, winners: Mapping[UUID, Opening]) -> ClaimOutcome:
    """Return the answer after the race: CLAIMED for losers, SUCCESS for the winning request sent twice."""
    mine = judged.opening
    if mine is None:
        return judged.outcome
    winner = winners.get(mine.device_id)
    if winner is mine or (winner and _is_same_request(winner, mine)):
        return judged.outcome
    if winner is None:
        return ClaimOutcome(Answer.FAILURE, "customer is gone")
    return ClaimOutcome(Answer.CLAIMED, "came too late")


def _is_same_request(one: Opening, other: Opening) -> bool:
    digest = one.idempotency_digest
    return digest is not None and digest == other.idempotency_digest and one.customer_id == other.customer_id


async def _clean_up(
    store: ClaimStore, claimed: Collection[UUID], states: Collection[DeviceState], now_ms: int
) -> None:
    """Drop all that the claims used up, and shut for good what was seen expired."""
    await store.drop_windows(claimed)
    await store.drop_claiming_allowed(claimed)
    expired = [
        state.device.id
        for state in states
        if any(now_ms > it.expires_at and not it.lapsed for it in state.windows)
    ]
    await store.lapse_windows(expired, now_ms)


async def _record(store: ClaimStore, judged: Sequence[_Judged], opened: Mapping[UUID, int]) -> None:
    tried = [
        (it.opening, it.state.device, it.request.customer_title) for it in judged if it.opening and it.state
    ]
    await record_openings(store, tried, opened)
