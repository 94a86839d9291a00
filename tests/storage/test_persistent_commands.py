"""Stored commands over the real storage: their states, their order, and whom they belong to."""

import asyncio

import pytest

from deedbox.core import housekeeping, value_erasure
from deedbox.core.errors import LimitReached
from deedbox.core.housekeeping import FIRST
from deedbox.core.rpc import FIRST_STORED_ID, HIGHEST_ID, Command, Delivery
from deedbox.storage.stores import Stores
from deedbox.testing.claim_bench import PreparedDevice
from deedbox.testing.claim_scene import ACME, ALICE, GLOBEX, made_device
from tests.storage.command_site import DEVICE, GADGET, HOUR_MS, CommandSite
from tests.storage.sqlite_bench import StorageBench


@pytest.fixture
async def site(either_bench: StorageBench) -> CommandSite:
    site = CommandSite(either_bench)
    await site.prepare()
    return site


async def test_a_one_way_command_ends_when_it_is_delivered(site: CommandSite) -> None:
    """Thingsboard §6.7."""
    command_id = await site.add("go")
    assert await site.status(command_id) == "QUEUED"
    delivery = await site.taken()
    assert delivery.command == Command(DEVICE, 1, "go", {"on": True}, one_way=True)
    assert FIRST_STORED_ID <= delivery.id <= HIGHEST_ID
    assert await site.status(command_id) == "SENT"
    await site.deliver(delivery)
    assert await site.status(command_id) == "DELIVERED"
    assert not await site.reply(delivery)
    assert await site.take() is None
    site.sqlite.now_ms += HOUR_MS
    assert await site.status(command_id) == "DELIVERED"


@pytest.mark.parametrize(("reply", "kept"), [(b'{"x":1}', '{"x":1}'), (b"", "null")])
async def test_a_two_way_command_ends_with_its_reply(site: CommandSite, reply: bytes, kept: str) -> None:
    """Thingsboard §6.7."""
    command_id = await site.add(one_way=False)
    delivery = await site.taken()
    await site.deliver(delivery)
    assert await site.status(command_id) == "DELIVERED"
    assert await site.reply(delivery, reply)
    found = await site.command(command_id)
    assert (found.status, found.response) == ("SUCCESSFUL", kept)
    assert not await site.reply(delivery, b"2")


async def test_a_reply_may_overtake_its_acknowledgement(site: CommandSite) -> None:
    command_id = await site.add(one_way=False)
    delivery = await site.taken()
    assert await site.reply(delivery)
    await site.deliver(delivery)
    assert await site.status(command_id) == "SUCCESSFUL"


async def test_only_the_device_itself_replies_and_only_to_what_it_was_sent(site: CommandSite) -> None:
    command_id = await site.add(one_way=False)
    unsent = Delivery((await site.command(command_id)).delivery_id, Command(DEVICE, 1, "m", None, False))
    assert not await site.reply(unsent)
    sent = await site.taken()
    assert sent.id == unsent.id
    assert not await site.reply(sent, device_id=made_device(2).id)
    assert await site.reply(sent)


async def test_they_are_sent_one_at_a_time_in_their_order(site: CommandSite) -> None:
    for method in ("a", "b", "c"):
        await site.add(method)
    methods = []
    for _ in range(3):
        delivery = await site.taken()
        assert await site.take() is None, "one is on its way"
        await site.deliver(delivery)
        methods.append(delivery.command.method)
    assert methods == ["a", "b", "c"]


async def test_the_next_does_not_wait_for_a_reply(site: CommandSite) -> None:
    await site.add("ask", one_way=False)
    await site.add("next")
    await site.deliver(await site.taken())
    assert (await site.taken()).command.method == "next"


async def test_of_many_that_ask_at_once_one_gets_the_command(site: CommandSite) -> None:
    await site.add()
    taken = await asyncio.gather(*(site.take() for _ in range(20)))
    assert sum(it is not None for it in taken) == 1


async def test_an_attempt_that_failed_is_made_again_until_none_is_left(site: CommandSite) -> None:
    command_id = await site.add(retries=1)
    await site.fail(await site.taken())
    assert await site.status(command_id) == "TIMEOUT"
    first, second = await site.taken(), await site.take()
    assert second is None
    await site.fail(first)
    found = await site.command(command_id)
    assert found.status == "FAILED"
    assert "did not acknowledge" in (found.response or "")
    assert await site.take() is None


async def test_what_was_not_sent_costs_no_attempt(site: CommandSite) -> None:
    await site.add(retries=0)
    for _ in range(3):
        await site.give_back(await site.taken())
    assert await site.take() is not None


async def test_a_delivery_without_acknowledgement_times_out(site: CommandSite) -> None:
    """Also after a crash: nobody but the database remembers that it was sent."""
    command_id = await site.add(retries=1)
    first = await site.taken()
    site.sqlite.now_ms += 29_999
    assert await site.take() is None
    site.sqlite.now_ms += 1
    assert (await site.taken()).id == first.id
    site.sqlite.now_ms += 30_000
    assert await site.take() is None
    assert await site.status(command_id) == "FAILED"


async def test_a_late_acknowledgement_saves_the_next_attempt(site: CommandSite) -> None:
    command_id = await site.add()
    delivery = await site.taken()
    await site.fail(delivery)
    await site.deliver(delivery)
    assert await site.status(command_id) == "DELIVERED"
    assert await site.take() is None


async def test_a_missing_reply_is_asked_for_again_where_retries_were_given(site: CommandSite) -> None:
    command_id = await site.add(one_way=False, retries=1, timeout_ms=7_000, expires_at=2**50)
    first = await site.taken()
    await site.deliver(first)
    site.sqlite.now_ms += 6_999
    assert await site.take() is None
    site.sqlite.now_ms += 1
    again = await site.taken()
    assert again.id == first.id
    await site.deliver(again)
    site.sqlite.now_ms += HOUR_MS
    assert await site.take() is None
    assert await site.status(command_id) == "DELIVERED"
    assert await site.reply(again), "until it expires"


async def test_a_missing_reply_alone_repeats_nothing(site: CommandSite) -> None:
    """What a device has done once it does not do twice, unless somebody asked for that."""
    await site.add(one_way=False, timeout_ms=HOUR_MS)
    await site.deliver(await site.taken())
    site.sqlite.now_ms += HOUR_MS - 1
    assert await site.take() is None


@pytest.mark.parametrize("step", ["QUEUED", "SENT", "DELIVERED"])
async def test_commands_expire(site: CommandSite, step: str) -> None:
    """Thingsboard §6.7: expirationTime."""
    command_id = await site.add(one_way=False, timeout_ms=10_000)
    delivery = None if step == "QUEUED" else await site.taken()
    if delivery and step == "DELIVERED":
        await site.deliver(delivery)
    assert await site.status(command_id) == step
    site.sqlite.now_ms += 10_000
    assert await site.status(command_id) == "EXPIRED"
    assert delivery is None or not await site.reply(delivery)
    assert await site.take() is None
    assert await site.status(command_id) == "EXPIRED"


async def test_what_waits_is_bounded(site: CommandSite) -> None:
    for _ in range(3):
        await site.add(timeout_ms=5_000)
    with pytest.raises(LimitReached, match="3 commands are stored"):
        await site.add()
    await site.add(device_id=made_device(2).id)
    site.sqlite.now_ms += 5_000
    await site.add()


@pytest.mark.parametrize("ending", ["reclaim", "unassign", "assign"])
async def test_a_new_epoch_ends_them_in_the_same_transaction(site: CommandSite, ending: str) -> None:
    """Behaviour §5.2, §5.6."""
    waiting = await site.add(one_way=False)
    sent = await site.taken()
    queued = await site.add()
    if ending == "reclaim":
        await site.scene.reclaim(ALICE, GADGET)
    elif ending == "unassign":
        await site.scene.unassign(GADGET)
    else:
        await site.scene.assign(GADGET, GLOBEX)
    for command_id in (waiting, queued):
        found = await site.command(command_id)
        assert (found.status, found.epoch) == ("FAILED", 1)
        assert "ownership" in (found.response or "")
    assert not await site.reply(sent)
    assert await site.take() is None


async def test_a_claim_ends_what_the_tenant_had_stored(site: CommandSite) -> None:
    """Behaviour §5.2: each epoch has its own commands."""
    await site.scene.unassign(GADGET)
    command_id = await site.add()
    await site.scene.announce(GADGET, "k")
    await site.scene.claim(ALICE, GADGET, "k")
    assert await site.status(command_id) == "FAILED"
    await site.add("new")
    assert (await site.taken()).command.method == "new"


async def test_an_epoch_that_nobody_noticed_lets_nothing_through(site: CommandSite) -> None:
    """Attacks: the guarded statement looks at the epoch itself."""
    await site.add("old")
    site.sqlite._do("update device_state set epoch = epoch + 1 where device_id = ?", DEVICE)
    assert await site.take() is None


async def test_commands_are_erased_with_the_deed_where_the_tenant_wants_that(site: CommandSite) -> None:
    """Behaviour §5.3."""
    await site.sqlite.add_device(PreparedDevice(GADGET, erases_values=True))
    await site.add("hers")
    await site.scene.reclaim(ALICE, GADGET)
    await site.add("tenant's")
    site.sqlite.now_ms += 11_000

    async def erase(stores: Stores) -> bool:
        return await value_erasure.erase(stores.value_erasure, 100)

    await site.sqlite.storage.write(erase)
    assert [row["method"] for row in site.sqlite._rows("select method from command")] == ["tenant's"]


async def test_commands_go_some_days_after_their_end_however_long_they_might_have_waited(
    site: CommandSite,
) -> None:
    for name in ("ended", "waits"):
        await site.add(name, timeout_ms=29 * 24 * HOUR_MS)
    site.sqlite._do(
        "update command set status = 'SUCCESSFUL', ended_at = ? where method = 'ended'", site.sqlite.now_ms
    )
    for days, left in ((7, ["ended", "waits"]), (0, ["ended", "waits"]), (6, ["waits"])):

        async def sweep(stores: Stores, days: int = days) -> None:
            await housekeeping.sweep(stores.housekeeping, FIRST, 100, days)

        site.sqlite.now_ms += 3 * 24 * HOUR_MS
        await site.sqlite.storage.write(sweep)
        found = site.sqlite._rows("select method from command order by method")
        assert [row["method"] for row in found] == left


async def test_old_commands_are_swept_and_those_of_deleted_devices_forgotten(site: CommandSite) -> None:
    await site.add("old", timeout_ms=5_000)
    await site.scene.assign(GADGET, ACME)
    site.sqlite.now_ms += 30 * 24 * HOUR_MS
    await site.add("younger", timeout_ms=5_000)
    site.sqlite.now_ms += 5_001

    async def sweep(stores: Stores) -> None:
        await housekeeping.sweep(stores.housekeeping, FIRST, 100, 30)

    async def remove(stores: Stores) -> None:
        await stores.devices.remove_device(GADGET)

    await site.sqlite.storage.write(sweep)
    assert [row["method"] for row in site.sqlite._rows("select method from command")] == ["younger"]
    await site.sqlite.storage.write(remove)
    await site.sqlite.storage.write(sweep)
    assert not site.sqlite._rows("select method from command")


@pytest.mark.parametrize("either_bench", ["sqlite"], indirect=True)
async def test_ending_them_looks_at_those_that_wait_only(site: CommandSite) -> None:
    """A claim must not pay for the commands that a device has had."""
    plan = site.sqlite._rows(
        "explain query plan with asked(device_id, epoch) as (values (?1, 1)) "
        "update command set status = 'FAILED' from asked "
        "where command.device_id = asked.device_id and command.ended_at is null "
        "and command.epoch < asked.epoch",
        DEVICE,
    )
    assert any("command_pending" in row["detail"] for row in plan)
