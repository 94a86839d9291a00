"""In a new database, without statistics, batches find their rows by indexes; grown tables are analyzed."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg

from deedbox.storage.postgresql_statements import compiled
from deedbox.storage.statements import ROWS, statements
from tests.storage.postgresql_bench import PostgreSQLBench, run_plainly

#: What imports, claims, announcements and devices that connect look up, and by which of its columns.
_KEYS = {
    "device_ids_by_name": r"\(d.tenant_id = .*unnest.*\) AND \(d.name = .*unnest",
    "devices_by_credentials": r"\(c.lookup_digest = .*unnest",
    "credentials_of_devices": r"\(c.device_id = .*unnest",
    "lock_devices": r"\((s.device_id|d.id) = .*(unnest|asked)",
    "lock_offering_devices": r"\((s.device_id|d.id) = .*(unnest|asked)",
    "lock_devices_by_name": r"\(d.tenant_id = asked.tenant_id\) AND \(d.name = asked.name",
    "open_windows": r"\(s.device_id = .*unnest",
}
_DEVICES = """
insert into device (id, tenant_id, profile_id, name, type, additional_info, search_text, created_at, version)
select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), it::text, '', '{}', '', 0, 1
from generate_series(1, ?::int) as it
"""


def _scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the kind of each scan and by what it finds its rows."""
    if "Scan" in plan["Node Type"]:
        yield plan["Node Type"], plan.get("Index Cond", "")
    for part in plan.get("Plans", ()):
        yield from _scans(part)


async def _plans(url: str) -> dict[str, list[tuple[str, str]]]:
    """Return the scans of each batch, planned for any values at all."""
    connection = await asyncpg.connect(url, statement_cache_size=0)
    found = {}
    await connection.execute("set plan_cache_mode = force_generic_plan")
    for name in (it for it, sql in statements().items() if ROWS.search(sql)):
        sql, names, width = compiled(name)
        await connection.execute(f"prepare it as {sql}")
        values = ", ".join(["null"] * (len(names) + width))
        text = await connection.fetchval(f"explain (format json, verbose) execute it({values})")
        found[name] = list(_scans(json.loads(text)[0]["Plan"]))
        await connection.execute("deallocate it")
    await connection.close()
    return found


async def test_no_batch_reads_a_whole_table_of_a_new_database(postgresql_bench: PostgreSQLBench) -> None:
    plans = await _plans(postgresql_bench.url)
    assert [name for name, scans in plans.items() if any(kind == "Seq Scan" for kind, _ in scans)] == []
    by_key = {name: [cond for _, cond in plans[name] if re.search(key, cond)] for name, key in _KEYS.items()}
    assert [name for name, found in by_key.items() if not found] == []


async def test_tables_that_have_grown_are_analyzed(postgresql_bench: PostgreSQLBench) -> None:
    url, growth = postgresql_bench.url, postgresql_bench.storage._growth  # type: ignore[attr-defined]

    async def known_rows(wanted: int) -> None:
        while run_plainly(url, "select reltuples::bigint from pg_class where relname = 'device'", ()) != [
            (wanted,)
        ]:
            await growth.look()
            await asyncio.sleep(0.05)

    for more, all_of_them in ((1_500, 1_500), (5_000, 6_500)):
        run_plainly(url, _DEVICES, [more])
        async with asyncio.timeout(30):
            await known_rows(all_of_them)
