"""Scheduled work on three real nodes over one PostgreSQL, of which one has a clock that is a minute off."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.test_skewed_clocks import faked
from tests.conformance.mqtt_site import wait_until
from tests.server_process import RunningServer, running_server
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql, run_plainly

_HELD = re.compile(r"^deedbox_scheduled_work_held (\S+)$", re.MULTILINE)


class Site:
    """The nodes and their database."""

    def __init__(self, url: str, nodes: Sequence[RunningServer]) -> None:
        self.url = url
        self.alive = list(nodes)

    def holders(self) -> list[RunningServer]:
        """Those that say that they do the scheduled work."""
        return [it for it in self.alive if is_held(it)]

    def holder(self) -> RunningServer:
        """Wait until one does it, and see that none beside it does. Return that one."""

        def is_held_by_one() -> bool:
            assert len(self.holders()) <= 1
            return len(self.holders()) == 1

        wait_until(is_held_by_one, "a node that does the scheduled work")
        return self.holders()[0]

    def add_expired_row(self) -> None:
        """Store something that a sweep deletes."""
        sql = "insert into spent_attempt (scope, spent_at, id) values (?, 1, ?)"
        run_plainly(self.url, sql, (uuid4().bytes, uuid4()))

    def wait_until_swept(self) -> None:
        """Wait until a sweep has deleted it."""
        count = "select count(*) from spent_attempt where spent_at = 1"
        wait_until(lambda: run_plainly(self.url, count, ()) == [(0,)], "a sweep")


def metrics_of(node: RunningServer) -> str:
    return httpx.get(f"{node.base_url}/metrics", trust_env=False).text


def is_held(node: RunningServer) -> bool:
    found = _HELD.search(metrics_of(node))
    assert found is not None
    return float(found[1]) == 1


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    url = new_postgresql(EMPTY)
    shared = {"DEEDBOX_DATABASE_URL": url, "DEEDBOX_SECRETS_KEY_FILE": str(tmp_path / "secret.key")}
    try:
        with ExitStack() as opened:
            clocks: dict[str, dict[str, str]] = {"a": {}, "b": faked(-60), "c": {}}
            yield Site(
                url,
                [
                    opened.enter_context(running_server(tmp_path / it, environment=shared | clock))
                    for it, clock in clocks.items()
                ],
            )
    finally:
        drop_postgresql(url)


def said_time_s(node: RunningServer) -> float:
    """The time by the node's own clock, in seconds."""
    answer = httpx.get(f"{node.base_url}/readyz", trust_env=False)
    return parsedate_to_datetime(answer.headers["Date"]).timestamp()


def test_one_node_does_it_and_another_goes_on_when_that_one_dies(site: Site) -> None:
    right, late, _ = site.alive
    assert said_time_s(right) - said_time_s(late) > 30
    while len(site.alive) > 1:
        holder = site.holder()
        site.wait_until_swept()
        site.add_expired_row()
        holder.kill()
        site.alive.remove(holder)
    assert site.holder() == site.alive[0]
    site.wait_until_swept()


def test_a_node_that_stops_hands_over_and_one_that_starts_takes_nothing(site: Site) -> None:
    first = site.holder()
    assert first.stop() == 0
    site.alive.remove(first)
    second = site.holder()
    first.restart()
    site.alive.append(first)
    ends = "select holder from lease"
    before = run_plainly(site.url, ends, ())
    for _ in range(3):
        renewed(site.url)
        assert site.holder() == second
    assert run_plainly(site.url, ends, ()) == before


def test_old_records_go_by_themselves(tmp_path: Path) -> None:
    rows = [(bytes(15) + bytes([number]), bytes(16)) for number in range(90)]

    def old_events(added: Sequence[tuple[bytes, bytes]] = ()) -> int:
        with closing(sqlite3.connect(tmp_path / "data" / "deedbox.sqlite", isolation_level=None)) as plain:
            sql = "insert into outbox_event (id, tenant_id, type, occurred_at) values (?, ?, 'x', 0)"
            plain.executemany(sql, added)
            return int(plain.execute("select count(*) from outbox_event where id < x'01'").fetchone()[0])

    week = {"DEEDBOX_RETENTION_EVENTS_DAYS": "7"}
    with running_server(tmp_path / "data", environment=week) as server:
        assert is_held(server)
        assert old_events(rows) == 90
        server.restart()
        wait_until(lambda: old_events() == 0, "old events to go")
        counted = 'deedbox_deleted_rows_total{kind="events"} 90.0'
        wait_until(lambda: counted in metrics_of(server), "them to be counted")


def renewed(url: str) -> None:
    """Wait until the lease was renewed."""
    ends = "select expires_at from lease"
    before = run_plainly(url, ends, ())
    wait_until(lambda: run_plainly(url, ends, ()) != before, "a renewal")
