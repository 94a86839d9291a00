"""`deedbox secrets rotate`: what can be read again moves to the newest keys; nothing stops working."""

import asyncio
from pathlib import Path

from deedbox.core.credentials import find_by_token
from deedbox.core.keys import KeyRing
from deedbox.main.rotating import Rotated, rotate_secrets
from deedbox.security.key_file import load
from tests.api.deployment import copy_of, make_template, opened_deployment
from tests.api.provisioning_site import provision, provisioning_profile


def rotate(folder: Path, *, prune: bool = False) -> Rotated:
    from deedbox.config.loading import load as load_settings  # noqa: PLC0415

    settings = load_settings({"data.folder": ("--data", str(folder))}, {}).settings
    return rotate_secrets(settings, prune=prune, tell=lambda _done, _total: None)


def ring(folder: Path) -> KeyRing:
    return load(folder / "secret.key")


async def _prepared(folder: Path) -> tuple[str, str]:
    """Make devices with a claim key and a label, an invited user, a profile; return both tokens."""
    async with opened_deployment(folder) as site:
        device = await site.make_device("gadget-1")
        device_id = device["id"]["id"]
        key = {"claimingData": {"secretKey": "s3cret", "expirationTime": 4_102_444_800_000}}
        await site.ok("maker", "POST", f"/api/plugins/telemetry/DEVICE/{device_id}/SERVER_SCOPE", key)
        labelled = await site.make_device("gadget-3")
        await site.ok("maker", "POST", f"/api/device/{labelled['id']['id']}/label")
        await provisioning_profile(site)
        email = {"email": "new@deedbox.test", "authority": "TENANT_ADMIN"}
        user = await site.invite("maker", email)
        token = await site.device_token(device_id)
        return token, await site.activation_token("maker", user["id"]["id"])


async def _still_works(folder: Path, token: str, activation: str) -> None:
    async with opened_deployment(folder) as site:
        site.tokens.clear()  # the key that signed them is gone
        keys = site.parts.keys
        found = await site.parts.storage.read(lambda it: find_by_token(it.credentials, keys, token))
        assert found is not None
        answer = await site.ok(
            "alice", "POST", "/api/customer/device/gadget-1/claim", {"secretKey": "s3cret"}
        )
        assert answer["response"] == "SUCCESS"
        labelled = await site.ok("maker", "GET", "/api/tenant/devices", deviceName="gadget-3")
        label = await site.ok("maker", "GET", f"/api/device/{labelled['id']['id']}/label")
        typed = {"secretKey": label["shortCode"].lower()}
        await site.ok("alice", "POST", "/api/customer/device/gadget-3/claim", typed)
        assert (await provision(site))["status"] == "SUCCESS"
        body = {"activateToken": activation, "password": "another password"}
        await site.ok("", "POST", "/api/noauth/activate", body)


def test_rotation_renews_all_and_pruning_leaves_the_newest_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asyncio.run(make_template(folder))
    token, activation = asyncio.run(_prepared(folder))
    copy = copy_of(folder, tmp_path / "copy")
    rotated = rotate(copy)
    assert (rotated.newest, rotated.renewed, rotated.kept, rotated.pruned) == (2, 7, [1], [])
    again = rotate(copy, prune=True)
    assert (again.newest, again.renewed, again.kept, again.pruned) == (3, 7, [], [1, 2])
    assert ring(copy).generations == [3]
    asyncio.run(_still_works(copy, token, activation))


def test_keys_that_devices_announced_keep_their_generation(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    asyncio.run(make_template(folder))

    async def announce() -> None:
        async with opened_deployment(folder) as site:
            device = await site.make_device("gadget-2")
            token = await site.device_token(device["id"]["id"])
            await site.call("", "POST", f"/api/v1/{token}/claim", json={"secretKey": "mine"})

    async def claim() -> None:
        async with opened_deployment(folder) as site:
            body = {"secretKey": "mine"}
            await site.ok("alice", "POST", "/api/customer/device/gadget-2/claim", body)

    asyncio.run(announce())
    rotated = rotate(folder, prune=True)
    assert (rotated.kept, rotated.pruned) == ([1], [])
    asyncio.run(claim())
