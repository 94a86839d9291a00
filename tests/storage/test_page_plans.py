"""Pages by time of creation are read along an index from their key on: nothing is sorted, nothing skipped."""

import re
import sqlite3
from pathlib import Path

import pytest

from deedbox.storage.paged_statements import page_statement
from deedbox.storage.sqlite import _compile
from deedbox.storage.statements import statements
from tests.storage.sqlite_bench import new_database

#: There is a handful of these: they are sorted faster than they are sent.
SHORT_LISTS = {"profiles_page", "asset_profiles_page", "tenant_profiles_page"}
#: What several groups hold is put together first, each thing once: no index has it in an order.
GATHERED = {"devices_of_groups", "assets_of_groups"}
LISTS = sorted(
    {name.removesuffix(".count") for name in statements() if name.endswith(".count")} - SHORT_LISTS - GATHERED
)


def plan(path: Path, statement: str) -> list[str]:
    sql, _ = _compile(statements()[statement], 1)
    count = max(int(number) for number in re.findall(r"\?(\d+)", sql))
    connection = sqlite3.connect(path)
    steps = [row[3] for row in connection.execute(f"explain query plan {sql}", [b""] * count)]
    connection.close()
    return steps


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("name", LISTS)
def test_a_page_continues_along_an_index(tmp_path: Path, name: str, descending: bool) -> None:
    statement = page_statement(name, "createdTime", descending=descending, keyed=True)
    steps = plan(new_database(tmp_path), statement)
    assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN")]
    assert re.search(r"id[<>]\?", steps[0])


def test_administrators_are_found_among_many_users(tmp_path: Path) -> None:
    name = page_statement("users_of_tenant_with_authority", "createdTime", descending=False, keyed=False)
    path = new_database(tmp_path)
    assert "user_of_authority (tenant_id=? AND authority=?)" in plan(path, name)[0]
    assert "user_of_authority" in plan(path, "count_other_administrators")[0]
    assert "user_of_authority" in plan(path, "any_system_administrator")[0]
