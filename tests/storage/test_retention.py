"""Records that are older than they are to be kept go, a few at a time, and nothing else does."""

from collections.abc import Sequence
from uuid import UUID, uuid4

from deedbox.core.housekeeping import DAY_MS, FIRST
from deedbox.core.ids import earliest_id
from deedbox.core.retention import Records, Retired, retire_events, retire_records
from deedbox.core.storage import Stores
from tests.storage.sqlite_bench import StorageBench

DAYS = 10
ONE, OTHER = UUID(int=1 << 100), UUID(int=2 << 100)


def id_at(moment_ms: int, number: int = 1) -> UUID:
    return UUID(int=earliest_id(moment_ms).int + number)


class Archive:
    """A bench with records of chosen ages: `kept_ms` is the age that is just kept."""

    def __init__(self, bench: StorageBench) -> None:
        self.bench = bench
        self.oldest_ms = bench.now_ms - DAYS * DAY_MS

    def add_audit_entries(self, tenant_id: UUID, moments_ms: Sequence[int]) -> None:
        for number, moment_ms in enumerate(moments_ms):
            self.bench._do(
                "insert into audit_entry (tenant_id, id, entity_type, action, occurred_at)"
                " values (?, ?, '', '', ?)",
                tenant_id, id_at(moment_ms, number), moment_ms,
            )  # fmt: skip

    def add_deed(self, device_id: UUID, opened_ms: int, closed_ms: int | None) -> UUID:
        deed_id = uuid4()
        self.bench._do(
            "insert into deed (id, device_id, tenant_id, customer_id, opened_epoch, reads_from_epoch,"
            " opened_at, opening_reason, burnt_digests, closed_at)"
            " values (?, ?, ?, ?, 1, 0, ?, 'claim', ?, ?)",
            deed_id, device_id, ONE, ONE, opened_ms, b"", closed_ms,
        )  # fmt: skip
        for change, moment_ms in (("opened", opened_ms), ("closed", closed_ms)):
            if moment_ms is not None:
                self.bench._do(
                    "insert into ownership_ledger (tenant_id, id, device_id, change, deed_id, customer_id,"
                    " occurred_at) values (?, ?, ?, ?, ?, ?, ?)",
                    ONE, id_at(moment_ms, deed_id.int >> 64), device_id, change, deed_id, ONE, moment_ms,
                )  # fmt: skip
        return deed_id

    async def retire(self, records: Records, limit: int) -> list[int]:
        """Delete old records bite by bite; return how many each took."""
        bites, after = [], FIRST
        while True:

            async def work(stores: Stores, after: UUID = after) -> Retired:
                return await retire_records(stores.retention, records, DAYS, after, limit)

            retired = await self.bench.storage.write_beside(work)
            bites.append(retired.deleted)
            if retired.after is None:
                return bites
            after = retired.after

    def count(self, table: str) -> int:
        ((count,),) = self.bench.sql(f"select count(*) from {table}")
        return int(count)


async def test_audit_entries_go_when_they_are_older_than_that(either_bench: StorageBench) -> None:
    archive = Archive(either_bench)
    for tenant_id in (ONE, OTHER):
        moments = [archive.oldest_ms - 1] * 3 + [archive.oldest_ms, either_bench.now_ms]
        archive.add_audit_entries(tenant_id, moments)
    assert await archive.retire(Records.AUDIT_ENTRIES, 100) == [6]
    left = either_bench.sql("select occurred_at from audit_entry order by tenant_id, id")
    assert [it[0] for it in left] == [archive.oldest_ms, either_bench.now_ms] * 2


async def test_a_bite_takes_no_more_than_it_may_and_the_next_goes_on(either_bench: StorageBench) -> None:
    archive = Archive(either_bench)
    archive.add_audit_entries(ONE, [archive.oldest_ms - 1] * 5)
    archive.add_audit_entries(OTHER, [archive.oldest_ms - 1] * 2)
    assert await archive.retire(Records.AUDIT_ENTRIES, 2) == [2, 2, 2, 1]
    assert archive.count("audit_entry") == 0


async def test_all_tenants_have_their_turn(either_bench: StorageBench) -> None:
    archive = Archive(either_bench)
    for number in range(1, 251):
        archive.add_audit_entries(UUID(int=number << 64), [archive.oldest_ms - 1, either_bench.now_ms])
    assert await archive.retire(Records.AUDIT_ENTRIES, 500) == [100, 100, 50]
    assert archive.count("audit_entry") == 250


async def test_a_deed_goes_with_its_last_step_when_its_device_is_gone(either_bench: StorageBench) -> None:
    archive = Archive(either_bench)
    here, gone = UUID(int=7), UUID(int=8)
    either_bench._do("insert into device_state (device_id) values (?)", here)
    old, older = archive.oldest_ms - 1, archive.oldest_ms - 2
    kept = {
        archive.add_deed(here, older, old),
        archive.add_deed(here, older, None),
        archive.add_deed(gone, old, archive.oldest_ms),
    }
    archive.add_deed(gone, older, old)
    assert await archive.retire(Records.LEDGER_ROWS, 100) == [6]
    assert {UUID(bytes=bytes(it)) for (it,) in either_bench.sql("select id from deed")} == kept
    assert [it for (it,) in either_bench.sql("select change from ownership_ledger")] == ["closed"]


async def test_events_go_oldest_first_whoever_they_are_of(either_bench: StorageBench) -> None:
    archive = Archive(either_bench)
    moments = [archive.oldest_ms - 3, archive.oldest_ms - 2, archive.oldest_ms - 1, archive.oldest_ms]
    for moment_ms, tenant_id in zip(moments, (OTHER, ONE, OTHER, ONE), strict=True):
        sql = "insert into outbox_event (id, tenant_id, type, occurred_at) values (?, ?, 'x', ?)"
        either_bench._do(sql, id_at(moment_ms), tenant_id, moment_ms)

    async def work(stores: Stores) -> Retired:
        return await retire_events(stores.retention, DAYS, 2)

    for left, expected in ((moments[2:], Retired(2, FIRST)), (moments[3:], Retired(1, None))):
        assert await either_bench.storage.write_beside(work) == expected
        found = [it for (it,) in either_bench.sql("select occurred_at from outbox_event order by id")]
        assert found == left
