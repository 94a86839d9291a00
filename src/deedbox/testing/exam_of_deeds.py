"""The exam of claim stores, first part: opening and closing deeds."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from deedbox.core.deeds import Closing, Opening, Reason
from deedbox.core.devices import Device
from deedbox.core.ownership import Window, WindowKind
from deedbox.core.windows import NewWindow, OfferTerms
from deedbox.testing.claim_bench import ClaimBench, HeartStore, PreparedDevice
from deedbox.testing.claim_scene import (
    ACME,
    ADMIN,
    ALICE,
    GLOBEX,
    HOUR_MS,
    NEIGHBOUR,
    STRANGERS,
    TENANT,
    ClaimScene,
    made_device,
    made_id,
)

DIGEST = bytes(range(33))


def opening(device: Device, now_ms: int, number: int = 1, window: Window | None = None) -> Opening:
    """Return an opening for ACME; with `window`, guarded by it."""
    return Opening(
        deed_id=made_id(900 + number),
        device_id=device.id,
        customer_id=ACME,
        actor=ALICE.actor,
        reason=Reason.CLAIM,
        now_ms=now_ms,
        window=window,
        burnt=(DIGEST, DIGEST[::-1]),
    )


def closing(of: Opening) -> Closing:
    """Return the closing of that deed."""
    return Closing(of.deed_id, of.device_id, of.customer_id, ADMIN.actor, Reason.RECLAIM, of.now_ms)


def new_window(device: Device, now_ms: int, kind: WindowKind = WindowKind.ANNOUNCED) -> NewWindow:
    """Return a window that lasts an hour."""
    return NewWindow(device.id, kind, DIGEST, now_ms + HOUR_MS, now_ms)


class DeedExam:
    """Opening and closing of deeds."""

    async def test_a_state_tells_all_that_decides(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        await bench.add_device(PreparedDevice(device, forbids_empty_keys=True, allow_by_default=False))
        await bench.set_blocked(device.id, True)
        await bench.set_claiming_allowed(device.id, True)
        await scene.set_key(device, "secret")
        state = await scene.state(device)
        assert state.device == device
        assert (state.blocked, state.forbids_empty_keys, state.allow_by_default) == (True, True, False)

        async def terms(store: HeartStore) -> Mapping[UUID, OfferTerms]:
            return await store.lock_offering_devices([device.id, made_id(77)])

        assert await bench.run(terms) == {device.id: OfferTerms(False, True)}
        assert (state.claiming_allowed, state.epoch, state.deed) == (True, 0, None)
        digest = scene.keys.digest(device.id, "secret")
        assert state.windows == (Window(WindowKind.SET_BY_TENANT, digest, bench.now_ms + HOUR_MS),)

    async def test_unknown_devices_are_left_out(self, bench: ClaimBench) -> None:
        await ClaimScene(bench).prepare()

        async def work(store: HeartStore) -> tuple[int, int]:
            names = [(TENANT, "device-1"), (TENANT, "DEVICE-1"), (TENANT, "nobody"), (TENANT, "device-1")]
            return len(await store.lock_named_devices(names)), len(await store.lock_devices([made_id(77)]))

        assert await bench.run(work) == (1, 0)

    async def test_a_name_means_the_device_of_its_own_tenant(self, bench: ClaimBench) -> None:
        await ClaimScene(bench).prepare()

        async def work(store: HeartStore) -> dict[tuple[UUID, str], UUID]:
            found = await store.lock_named_devices([(TENANT, "device-1"), (NEIGHBOUR, "device-1")])
            return {name: state.device.id for name, state in found.items()}

        assert await bench.run(work) == {
            (TENANT, "device-1"): made_device(1).id,
            (NEIGHBOUR, "device-1"): made_device(1, NEIGHBOUR).id,
        }

    async def test_opening_raises_the_epoch_and_keeps_what_was_burnt(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        deed = opening(device, bench.now_ms)

        async def work(store: HeartStore) -> int:
            return (await store.open_deeds([deed]))[deed.deed_id]

        assert await bench.run(work) == 1
        state = await scene.state(device)
        assert state.deed
        assert (state.epoch, state.deed.id, state.deed.customer_id) == (1, deed.deed_id, ACME)
        assert state.deed.burnt == (DIGEST, DIGEST[::-1])
        assert state.device.customer_id == ACME
        assert await bench.owned_count(ACME) == 1

    async def test_an_owned_device_opens_no_second_deed(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()

        async def work(store: HeartStore) -> tuple[int, int]:
            both = [opening(device, bench.now_ms, 1), opening(device, bench.now_ms, 2)]
            return len(await store.open_deeds(both)), len(
                await store.open_deeds([opening(device, bench.now_ms, 3)])
            )

        assert await bench.run(work) == (1, 0)
        assert [it.id for it in await bench.deeds(device.id)] == [made_id(901)]
        assert await bench.owned_count(ACME) == 1

    async def test_a_guard_holds_for_that_very_window_only(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()
        stored = new_window(device, bench.now_ms)
        right = Window(stored.kind, stored.digest, stored.expires_at)
        wrong_key = Window(stored.kind, DIGEST[::-1], stored.expires_at)
        wrong_kind = Window(WindowKind.SET_BY_TENANT, stored.digest, stored.expires_at)
        late = stored.expires_at + 1

        async def work(store: HeartStore) -> list[bool]:
            await store.open_windows([stored])
            tries = [(wrong_key, bench.now_ms), (wrong_kind, bench.now_ms), (right, late), (right, late - 1)]
            return [
                bool(await store.open_deeds([opening(device, at, n, window=window)]))
                for n, (window, at) in enumerate(tries)
            ]

        assert await bench.run(work) == [False, False, False, True]

    async def test_a_blocked_device_opens_guarded_deeds_no_more(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()
        stored = new_window(device, bench.now_ms, WindowKind.SET_BY_TENANT)
        window = Window(stored.kind, stored.digest, stored.expires_at)
        await bench.set_blocked(device.id, True)

        async def work(store: HeartStore) -> list[bool]:
            await store.open_windows([stored])
            claimed = await store.open_deeds([opening(device, bench.now_ms, 1, window=window)])
            return [bool(claimed), bool(await store.open_deeds([opening(device, bench.now_ms, 2)]))]

        assert await bench.run(work) == [False, True]

    async def test_a_customer_that_the_tenant_does_not_have_opens_no_deed(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()
        wanted = opening(device, bench.now_ms)
        others = [msgspec.structs.replace(wanted, customer_id=it) for it in (STRANGERS, made_id(99))]

        async def work(store: HeartStore) -> list[bool]:
            return [bool(await store.open_deeds([it])) for it in (*others, wanted)]

        assert await bench.run(work) == [False, False, True]

    async def test_only_the_open_deed_closes_and_only_once(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()
        deed, other = opening(device, bench.now_ms, 1), opening(device, bench.now_ms, 2)

        async def work(store: HeartStore) -> list[int | None]:
            await store.open_deeds([deed])
            tries = [closing(other), closing(deed), closing(deed)]
            return [(await store.close_deeds([it])).get(it.deed_id) for it in tries]

        assert await bench.run(work) == [None, 2, None]
        assert [(it.opened_epoch, it.closed_epoch) for it in await bench.deeds(device.id)] == [(1, 2)]
        assert await bench.owned_count(ACME) == 0

    async def test_many_deeds_open_and_close_at_once(self, bench: ClaimBench) -> None:
        await ClaimScene(bench).prepare(300)
        wanted = [opening(made_device(number), bench.now_ms, number) for number in range(1, 301)]

        async def work(store: HeartStore) -> tuple[set[int], set[int]]:
            opened = await store.open_deeds(wanted)
            closed = await store.close_deeds([closing(it) for it in wanted])
            assert len(opened) == len(closed) == len(wanted)
            return set(opened.values()), set(closed.values())

        assert await bench.run(work) == ({1}, {2})
        assert await bench.owned_count(ACME) == 0

    async def test_what_an_owners_time_left_behind_is_erased_where_the_tenant_wants_it(
        self, bench: ClaimBench
    ) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        await bench.add_device(PreparedDevice(device, erases_values=True))
        await bench.write_value(device.id, 1)
        await scene.assign(device, ACME)
        await bench.write_value(device.id, 2)
        assert await bench.readable_values(device.id, ACME) == [1, 2]
        await scene.unassign(device)
        await bench.write_value(device.id, 3)
        await scene.assign(device, ACME)
        assert await bench.readable_values(device.id, ACME) == [3]

    async def test_an_owner_reads_from_the_end_of_another_owners_deed(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        await scene.assign(device, ACME)
        await scene.unassign(device)
        await scene.assign(device, ACME)
        await scene.assign(device, GLOBEX)
        await scene.assign(device, ACME)
        found = await bench.deeds(device.id)
        # ACME 1-2, ACME 3-4, GLOBEX 5-6, ACME 7: reassigning closes and opens.
        assert [it.opened_epoch for it in found] == [1, 3, 5, 7]
        assert [it.reads_from_epoch for it in found] == [0, 0, 4, 6]
