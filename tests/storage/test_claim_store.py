"""The fake, SQLite and PostgreSQL take the same exam."""

import pytest

from deedbox.testing.claim_bench import ClaimBench
from deedbox.testing.claim_store_suite import ClaimStoreSuite
from deedbox.testing.fakes import FakeBench
from tests.storage.postgresql_bench import PostgreSQLBench
from tests.storage.sqlite_bench import SQLiteBench


class TestFake(ClaimStoreSuite):
    @pytest.fixture
    def bench(self) -> ClaimBench:
        return FakeBench()


class TestSQLite(ClaimStoreSuite):
    @pytest.fixture
    def bench(self, sqlite_bench: SQLiteBench) -> ClaimBench:
        return sqlite_bench


class TestPostgreSQL(ClaimStoreSuite):
    @pytest.fixture
    def bench(self, postgresql_bench: PostgreSQLBench) -> ClaimBench:
        return postgresql_bench
