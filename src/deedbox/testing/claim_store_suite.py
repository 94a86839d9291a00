"""The exam that every claim store takes: what each promise of the store Protocols means, seen from outside.

Subclass `ClaimStoreSuite` in a test module with a pytest fixture named `bench` (a `ClaimBench`).
"""

from uuid import UUID

from deedbox.core.claim_requests import Answer
from deedbox.core.errors import NotFound
from deedbox.testing.claim_bench import ClaimBench, HeartStore
from deedbox.testing.claim_scene import (
    ACME,
    ALICE,
    BOB,
    HOUR_MS,
    NEIGHBOUR,
    NINA,
    TENANT,
    ClaimScene,
)
from deedbox.testing.exam_of_deeds import DeedExam, new_window, opening
from deedbox.testing.exam_of_windows import WindowExam


class TransactionExam:
    """What a transaction is."""

    async def test_work_that_fails_leaves_nothing(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()

        async def fails(store: HeartStore) -> None:
            await store.open_windows([new_window(device, bench.now_ms)])
            await store.open_deeds([opening(device, bench.now_ms)])
            await store.spend_attempts([(b"scope", bench.now_ms)])
            raise NotFound

        try:
            await bench.run(fails)
        except NotFound:
            pass
        else:
            raise AssertionError("the refusal was swallowed")
        state = await ClaimScene(bench).state(device)
        assert (state.deed, state.windows, state.epoch) == (None, (), 0)
        assert await bench.owned_count(ACME) == 0

    async def test_all_of_a_transaction_happens_at_one_moment(self, bench: ClaimBench) -> None:
        async def work(store: HeartStore) -> tuple[int, int]:
            before = await store.now_ms()
            bench.now_ms += 5
            return before, await store.now_ms()

        began = bench.now_ms
        assert await bench.run(work) == (began, began)

    async def test_identifiers_rise_across_transactions_whatever_the_clock_does(
        self, bench: ClaimBench
    ) -> None:
        async def work(store: HeartStore) -> list[UUID]:
            return [store.new_id() for _ in range(3)]

        made = await bench.run(work)
        bench.now_ms -= HOUR_MS
        made += await bench.run(work)
        assert made == sorted(set(made))


class RecordExam:
    """Attempts and records."""

    async def test_attempts_are_counted_by_scope_from_a_moment_on(self, bench: ClaimBench) -> None:
        one, other = bytes(16), bytes(15) + b"\1"

        async def spend(store: HeartStore) -> None:
            await store.spend_attempts([(one, 7), (one, 7), (one, 3), (other, 9)])

        async def since(store: HeartStore) -> dict[bytes, list[int]]:
            seen = await store.spent_attempts([one, other, b"nobody's"], 3)
            spent = await store.lock_budgets([one, other, b"nobody's"], 3)
            assert seen == spent
            return {scope: list(times) for scope, times in spent.items() if times}

        await bench.run(spend)
        assert await bench.run(since) == {one: [7, 7], other: [9]}

    async def test_guesses_add_up_by_owner_and_window(self, bench: ClaimBench) -> None:
        async def work(store: HeartStore) -> list[dict[UUID, int]]:
            added = [(0, {TENANT: 2, NEIGHBOUR: 1}), (0, {TENANT: 3}), (9, {TENANT: 1})]
            return [dict(await store.add_guesses(*it)) for it in added]

        assert await bench.run(work) == [{TENANT: 2, NEIGHBOUR: 1}, {TENANT: 5}, {TENANT: 1}]
        assert await bench.run(work) == [{TENANT: 7, NEIGHBOUR: 2}, {TENANT: 10}, {TENANT: 2}]

    async def test_a_claim_leaves_one_of_each_record_and_refusals_too(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        await scene.announce(device, "secret")
        answers = [
            (await scene.claim(BOB, device, "guess")).answer,
            (await scene.claim(ALICE, device, "secret")).answer,
        ]
        assert answers == [Answer.FAILURE, Answer.SUCCESS]
        refused, done = await bench.audit(TENANT)
        assert (refused.action, refused.success, refused.user_id) == ("CLAIM_DEVICE", False, BOB.user_id)
        assert (done.action, done.success, done.epoch) == ("ASSIGNED_TO_CUSTOMER", True, 1)
        assert [it.type for it in await bench.events(TENANT)] == ["device.claimed"]
        assert [(it.epoch, it.change) for it in await bench.ledger(TENANT, device.id)] == [(1, "opened")]
        assert not await bench.audit(NEIGHBOUR)

    async def test_customer_titles_stay_inside_their_tenant(self, bench: ClaimBench) -> None:
        await ClaimScene(bench).prepare()

        async def work(store: HeartStore) -> str:
            assert await store.customer_title(TENANT, ACME)
            return await store.customer_title(NINA.tenant_id, ACME)

        try:
            await bench.run(work)
        except NotFound:
            return
        raise AssertionError("a neighbour's customer was found")


class ClaimStoreSuite(TransactionExam, DeedExam, WindowExam, RecordExam):
    """The whole exam."""
