"""Metrics of several workers become one page, in which each sample says whose it is."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deedbox.serving.metrics import Metrics
from deedbox.serving.worker_pages import PageWires, WorkerPages, merged_pages

ONE = b"""# HELP things_total Things, of "all" {kinds}.
# TYPE things_total counter
things_total{kind="a b"} 1.0
things_total{kind="}"} 2.0
# HELP alone Without labels.
# TYPE alone gauge
alone 3.0
"""
TWO = b"""# HELP things_total Things, of "all" {kinds}.
# TYPE things_total counter
things_total{kind="c"} 4.0
"""


def samples(page: bytes) -> dict[tuple[str, ...], float]:
    """Values by name and the values of the labels, as Prometheus's own reader finds them."""
    families = text_string_to_metric_families(page.decode())
    return {
        (it.name, *(value for _, value in sorted(it.labels.items()))): it.value
        for family in families
        for it in family.samples
    }


def test_samples_keep_their_labels_and_get_their_workers() -> None:
    assert samples(merged_pages({1: ONE, 2: TWO, 3: None})) == {
        ("things_total", "a b", "1"): 1,
        ("things_total", "}", "1"): 2,
        ("things_total", "c", "2"): 4,
        ("alone", "1"): 3,
        ("deedbox_worker_up", "1"): 1,
        ("deedbox_worker_up", "2"): 1,
        ("deedbox_worker_up", "3"): 0,
    }


def test_the_lines_of_a_metric_stand_together() -> None:
    lines = merged_pages({1: ONE, 2: TWO}).splitlines()
    assert lines[0].startswith(b"# HELP things_total")
    assert [it.partition(b"{")[0] for it in lines[2:5]] == [b"things_total"] * 3
    assert sum(it.startswith(b"# TYPE things_total") for it in lines) == 1


def test_all_that_a_worker_measures_can_be_read() -> None:
    page = Metrics().page()
    both = samples(merged_pages({1: page, 2: page}))
    assert len(both) == 2 * len(samples(page)) + 2


@pytest.fixture
def wires() -> Iterator[PageWires]:
    with closing(PageWires(2)) as wires:
        yield wires


async def test_whoever_is_asked_asks_the_others(wires: PageWires) -> None:
    # Longer than what a socket takes at once.
    long = TWO * 20_000
    one, two = WorkerPages(wires, 1, lambda: ONE), WorkerPages(wires, 2, lambda: long)
    with one.answering(), two.answering():
        page, other = await asyncio.gather(one.page(), two.page())
    assert page == other == merged_pages({1: ONE, 2: long})


async def test_who_does_not_answer_is_left_out(wires: PageWires) -> None:
    one = WorkerPages(wires, 1, lambda: ONE, longest_wait_s=0.05)
    with one.answering():
        assert await one.page() == merged_pages({1: ONE, 2: None})
        # The next process with this number finds a question that nobody waits for any more.
        with WorkerPages(wires, 2, lambda: TWO).answering():
            assert await WorkerPages(wires, 1, lambda: ONE).page() == merged_pages({1: ONE, 2: TWO})
