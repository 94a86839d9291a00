"""Announcements: durations, refusals, what the tenant hears."""

import msgspec
import pytest

from deedbox.core.errors import InvalidValue, NotFound
from deedbox.core.windows import Announced, Announcement, Refused, check_secret_key
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.testing.claim_scene import ACME, ALICE, HOUR_MS, TENANT, ClaimScene, made_device, made_id


@pytest.mark.parametrize(
    ("asked_ms", "granted_ms", "clamped"),
    [
        (0, 24 * HOUR_MS, False),
        (-1, 24 * HOUR_MS, False),
        (1, 1, False),
        (7 * 24 * HOUR_MS, 7 * 24 * HOUR_MS, False),
        (7 * 24 * HOUR_MS + 1, 7 * 24 * HOUR_MS, True),
        (2**63, 7 * 24 * HOUR_MS, True),
    ],
)
async def test_durations(scene: ClaimScene, asked_ms: int, granted_ms: int, clamped: bool) -> None:
    """Behaviour §2.3."""
    device = await scene.prepare()
    answer = await scene.announce(device, "key", asked_ms)
    assert answer == Announced(expires_at=scene.bench.now_ms + granted_ms, clamped=clamped)


async def test_the_newest_message_wins_within_a_batch_too(scene: ClaimScene) -> None:
    """Behaviour §2.1."""
    device = await scene.prepare()
    await scene.announce_all([Announcement(device.id, "old", 9 * HOUR_MS), Announcement(device.id, "new", 5)])
    [window] = (await scene.state(device)).windows
    assert window.digest == scene.keys.digest(device.id, "new")
    assert window.expires_at == scene.bench.now_ms + 5


async def test_refusals_come_in_their_order(scene: ClaimScene) -> None:
    """Behaviour §2.5: owned, blocked, not allowed."""
    device = await scene.prepare()
    scene.policy = msgspec.structs.replace(scene.policy, allow_by_default=False)
    assert (await scene.announce(device)).refused is Refused.NOT_ALLOWED
    await scene.bench.set_claiming_allowed(device.id, True)
    assert (await scene.announce(device)).refused is None
    await scene.bench.set_blocked(device.id, True)
    assert (await scene.announce(device)).refused is Refused.BLOCKED
    await scene.assign(device, ACME)
    assert (await scene.announce(device)).refused is Refused.OWNED
    assert (await scene.state(device)).windows == ()


@pytest.mark.parametrize(
    ("deployment", "override", "attribute", "allowed"),
    [
        (True, None, None, True),
        (True, None, False, True),
        (True, False, None, False),
        (True, False, True, True),
        (False, None, None, False),
        (False, None, False, False),
        (False, None, True, True),
        (False, True, None, True),
    ],
)
async def test_who_allows(
    scene: ClaimScene, deployment: bool, override: bool | None, attribute: bool | None, allowed: bool
) -> None:
    """Behaviour §2.5, §2.7."""
    device = await scene.prepare()
    scene.policy = msgspec.structs.replace(scene.policy, allow_by_default=deployment)
    await scene.bench.add_device(PreparedDevice(device, allow_by_default=override))
    await scene.bench.set_claiming_allowed(device.id, attribute)
    assert ((await scene.announce(device, "key")).refused is None) == allowed


async def test_each_of_a_batch_gets_its_own_answer(scene: ClaimScene) -> None:
    """Behaviour §2.5, where devices with nothing against them and others share a commit."""
    await scene.prepare(4)
    free, owned, blocked, careful = (made_device(it) for it in (1, 2, 3, 4))
    await scene.assign(owned, ACME)
    await scene.bench.set_blocked(blocked.id, True)
    await scene.bench.add_device(PreparedDevice(careful, forbids_empty_keys=True))
    expected = [
        (owned, "a", Refused.OWNED),
        (free, "b", None),
        (careful, "", Refused.NOT_ALLOWED),
        (blocked, "c", Refused.BLOCKED),
        (careful, "d", None),
        (owned, "e", Refused.OWNED),
        (free, "f", None),
        (careful, "", Refused.NOT_ALLOWED),
    ]
    answers = await scene.announce_all([Announcement(device.id, key) for device, key, _ in expected])
    assert [it.refused for it in answers] == [refused for _, _, refused in expected]
    for device, key in ((free, "f"), (careful, "d")):
        [window] = (await scene.state(device)).windows
        assert window.digest == scene.keys.digest(device.id, key)


async def test_a_profile_may_forbid_empty_keys(scene: ClaimScene) -> None:
    """Behaviour §2.4."""
    device = await scene.prepare()
    await scene.bench.add_device(PreparedDevice(device, forbids_empty_keys=True))
    assert (await scene.announce(device, "")).refused is Refused.NOT_ALLOWED
    assert (await scene.announce(device, " ")).refused is None


async def test_the_tenant_hears_of_a_refusal_once_per_state(scene: ClaimScene) -> None:
    """Behaviour §2.5: firmware announces at every boot."""
    device = await scene.prepare()
    await scene.assign(device, ACME)
    for _ in range(3):
        await scene.announce(device, "key")
    await scene.unassign(device)
    await scene.bench.set_blocked(device.id, True)
    for _ in range(3):
        await scene.announce(device, "key")
    told = [it.data for it in await scene.bench.events(TENANT) if it.type == "device.announcement_refused"]
    assert ["owned" in told[0], "blocked" in told[1], len(told)] == [True, True, 2]
    entries = [it for it in await scene.bench.audit(TENANT) if it.action == "ANNOUNCE_DEVICE"]
    seen = [(it.entity_id, it.user_id, it.user_name, it.customer_id, it.epoch, it.failure) for it in entries]
    assert seen == [
        (device.id, None, device.name, ACME, 1, "owned"),
        (device.id, None, device.name, None, 2, "blocked"),
    ]
    assert not any(it.success or "key" in it.data for it in entries)


async def test_a_device_that_was_deleted_meanwhile_spoils_nothing(scene: ClaimScene) -> None:
    device = await scene.prepare()
    with pytest.raises(NotFound):
        await scene.announce_all([Announcement(device.id, "key"), Announcement(made_id(9), "key")])
    assert (await scene.state(device)).windows == ()


@pytest.mark.parametrize("length", [0, 1, 256])
def test_keys_up_to_256_characters(length: int) -> None:
    """Behaviour §2.4: characters after decoding, not bytes."""
    assert check_secret_key("é" * length) == "é" * length
    with pytest.raises(InvalidValue) as refused:
        check_secret_key("é" * 257)
    assert refused.value.pointer == "/secretKey"


async def test_one_batch_serves_many_devices(scene: ClaimScene) -> None:
    await scene.prepare(3)
    await scene.assign(made_device(2), ACME)
    answers = await scene.announce_all([Announcement(made_device(n).id, "key") for n in (3, 2, 1)])
    assert [it.refused for it in answers] == [None, Refused.OWNED, None]
    assert (await scene.claim(ALICE, made_device(3), "key")).device
