"""A label's two keys: made where the profile wants it, burnt together, renewed with the key ring."""

import pytest

from deedbox.core import label_keys
from deedbox.core.claim_requests import Answer
from deedbox.core.labels import new_short_code, normalised_short_code
from deedbox.core.ownership import ClaimPolicy, WindowKind
from deedbox.core.records import Subject
from deedbox.testing.claim_bench import HeartStore, PreparedDevice
from deedbox.testing.claim_scene import (
    ACME,
    ADMIN,
    ALICE,
    TENANT,
    ClaimScene,
    made_device,
    ring,
)

DAY_MS = 86_400_000
LABEL = {WindowKind.LABEL_QR_KEY, WindowKind.LABEL_SHORT_CODE}
DEVICE = made_device(1)


async def make(scene: ClaimScene) -> None:
    """The tenant makes a label for the device."""
    subject = Subject("DEVICE", DEVICE.id, DEVICE.name)

    async def work(store: HeartStore) -> None:
        await label_keys.make(store, scene.keys, scene.policy, ADMIN.actor, [subject], "asked for")

    await scene.bench.run(work)


async def expiries(scene: ClaimScene) -> dict[WindowKind, int]:
    """When each of the device's keys expires."""
    return {it.kind: it.expires_at for it in (await scene.state(DEVICE)).windows}


async def test_both_keys_live_as_long_as_the_setting_says(scene: ClaimScene) -> None:
    """Behaviour §3.6."""
    await scene.prepare()
    scene.policy = ClaimPolicy(label_key_days=2)
    await make(scene)
    assert await expiries(scene) == dict.fromkeys(LABEL, scene.bench.now_ms + 2 * DAY_MS)
    before = (await scene.state(DEVICE)).windows
    scene.bench.now_ms += DAY_MS
    await make(scene)
    assert await expiries(scene) == dict.fromkeys(LABEL, scene.bench.now_ms + 2 * DAY_MS)
    assert not {it.digest for it in before} & {it.digest for it in (await scene.state(DEVICE)).windows}


async def test_making_a_label_is_recorded_without_its_keys(scene: ClaimScene) -> None:
    await scene.prepare()
    await make(scene)
    (entry,) = await scene.bench.audit(TENANT)
    assert (entry.action, entry.entity_id, entry.user_name) == ("CREDENTIALS_UPDATED", DEVICE.id, "admin")
    assert set(entry.data.split('"')[1::2]) == {"entityId", str(DEVICE.id), "credentials", "label"} | {
        "reason",
        "asked for",
    }


@pytest.mark.parametrize("ending", ["owner", "tenant", "unassign"])
async def test_a_deed_that_ends_makes_a_label_where_the_profile_wants_it(
    scene: ClaimScene, ending: str
) -> None:
    """Behaviour §5.5: `new secret on reclaim`."""
    await scene.prepare()
    await scene.bench.add_device(PreparedDevice(DEVICE, renews_label=True))
    await scene.assign(DEVICE, ACME)
    assert await expiries(scene) == {}
    if ending == "unassign":
        await scene.unassign(DEVICE)
    else:
        await scene.reclaim(ALICE if ending == "owner" else ADMIN, DEVICE)
    assert set(await expiries(scene)) == LABEL


async def test_no_label_without_the_setting_or_an_end(scene: ClaimScene) -> None:
    await scene.prepare()
    await scene.assign(DEVICE, ACME)
    await scene.unassign(DEVICE)
    await scene.bench.add_device(PreparedDevice(DEVICE, renews_label=True))
    await scene.reclaim(ADMIN, DEVICE)
    assert await expiries(scene) == {}


async def test_a_claim_burns_both(scene: ClaimScene) -> None:
    """Behaviour §3.5: with whichever of a device's keys."""
    await scene.prepare()
    await scene.set_key(DEVICE, "QRKEY", WindowKind.LABEL_QR_KEY)
    await scene.set_key(DEVICE, "BCD-FGH-JK0", WindowKind.LABEL_SHORT_CODE)
    assert (await scene.claim(ALICE, DEVICE, "QRKEY")).answer is Answer.SUCCESS
    assert await expiries(scene) == {}


def test_a_renewed_key_is_the_same_under_the_newest_generation() -> None:
    """The digest of a code is that of its nine symbols, however it is shown."""
    old, both = ring(1), ring(1, 2)
    code, nonce = new_short_code(bytes(16)), bytes(12)
    sealed = old.encrypt(code, DEVICE.id.bytes, nonce)
    digest, ciphertext = label_keys.renewed_short_code(sealed, both, DEVICE.id, nonce)
    assert digest == both.digest(DEVICE.id, normalised_short_code(code) or "")
    assert (digest[0], ciphertext[0], both.decrypt(ciphertext, DEVICE.id.bytes)) == (2, 2, code)
    digest, ciphertext = label_keys.renewed_qr_key(sealed, both, DEVICE.id, nonce)
    assert digest == both.digest(DEVICE.id, code)
