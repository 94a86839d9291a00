"""The exam of claim stores, second part: windows and what shuts them."""

from uuid import UUID

from deedbox.core.ownership import Window, WindowKind
from deedbox.testing.claim_bench import ClaimBench, HeartStore
from deedbox.testing.claim_scene import (
    ACME,
    ClaimScene,
    made_device,
)
from deedbox.testing.exam_of_deeds import new_window, opening


class WindowExam:
    """Windows and what shuts them."""

    async def test_the_newest_window_of_a_kind_replaces_the_older(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        await scene.announce(device, "old")
        await scene.announce(device, "new", 5)
        assert [(it.digest, it.expires_at) for it in (await scene.state(device)).windows] == [
            (scene.keys.digest(device.id, "new"), bench.now_ms + 5)
        ]

    async def test_kinds_live_side_by_side(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        for kind in WindowKind:
            await scene.set_key(device, f"key {kind}", kind)
        assert {it.kind for it in (await scene.state(device)).windows} == set(WindowKind)

    async def test_announced_windows_do_not_open_on_owned_or_blocked_devices(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        await scene.prepare(2)
        owned, blocked = made_device(1), made_device(2)
        await scene.assign(owned, ACME)
        await bench.set_blocked(blocked.id, True)

        async def work(store: HeartStore) -> list[set[UUID]]:
            return [
                set(await store.open_windows([new_window(it, bench.now_ms, kind) for it in (owned, blocked)]))
                for kind in (WindowKind.ANNOUNCED, WindowKind.SET_BY_TENANT)
            ]

        assert await bench.run(work) == [set(), {owned.id, blocked.id}]

    async def test_lapsed_windows_stay_shut_when_the_clock_steps_back(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        stored = new_window(device, bench.now_ms)

        async def work(store: HeartStore) -> int:
            await store.open_windows([stored])
            await store.lapse_windows([device.id], stored.expires_at)
            shut_too_early = [it.lapsed for it in (await store.lock_devices([device.id]))[device.id].windows]
            await store.lapse_windows([device.id], stored.expires_at + 1)
            window = Window(stored.kind, stored.digest, stored.expires_at)
            opened = await store.open_deeds([opening(device, bench.now_ms, window=window)])
            return len(opened) + sum(shut_too_early)

        assert await bench.run(work) == 0
        assert [it.lapsed for it in (await scene.state(device)).windows] == [True]
        await scene.announce(device, "again")
        assert [it.lapsed for it in (await scene.state(device)).windows] == [False]

    async def test_dropping_takes_what_it_names(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        for kind in WindowKind:
            await scene.set_key(device, "key", kind)

        async def kinds_after(store: HeartStore) -> list[set[WindowKind]]:
            seen = []
            assert await store.drop_window(device.id, WindowKind.LABEL_QR_KEY)
            assert not await store.drop_window(device.id, WindowKind.LABEL_QR_KEY)
            for drop in (store.drop_announced_windows, store.drop_windows):
                await drop([device.id])
                state = (await store.lock_devices([device.id]))[device.id]
                seen.append({it.kind for it in state.windows})
            return seen

        kept = {WindowKind.SET_BY_TENANT, WindowKind.LABEL_SHORT_CODE}
        assert await bench.run(kinds_after) == [kept, set()]

    async def test_a_refusal_is_noted_once_per_state(self, bench: ClaimBench) -> None:
        device = await ClaimScene(bench).prepare()

        async def work(store: HeartStore) -> list[bool]:
            noted = [(0, "owned"), (0, "owned"), (0, "blocked"), (1, "blocked"), (1, "blocked")]
            return [bool(await store.note_refused_announcements([(device.id, *it)])) for it in noted]

        assert await bench.run(work) == [True, False, True, True, False]

    async def test_claiming_allowed_is_written_read_and_dropped(self, bench: ClaimBench) -> None:
        scene = ClaimScene(bench)
        device = await scene.prepare()
        await bench.set_claiming_allowed(device.id, False)
        assert not (await scene.state(device)).claiming_allowed

        async def write(store: HeartStore) -> None:
            await store.write_claiming_allowed([device.id])

        async def drop(store: HeartStore) -> None:
            await store.drop_claiming_allowed([device.id])

        await bench.run(write)
        assert await bench.claiming_allowed(device.id) is True
        assert (await scene.state(device)).claiming_allowed
        await bench.run(drop)
        assert await bench.claiming_allowed(device.id) is None
