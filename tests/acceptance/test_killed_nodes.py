"""kill -9 of random nodes of three under load: what was acknowledged is there, others go on, all come back.

DEEDBOX_KILLS sets how often nodes are killed (8); `python -m bench.soak_kills` kills two hundred times.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cluster_site import Cluster, running_cluster
from tests.acceptance.kill_soak import ENVIRONMENT, survive
from tests.storage.postgresql_bench import EMPTY, drop_postgresql, new_postgresql

KILLS = int(os.environ.get("DEEDBOX_KILLS", "8"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    url = new_postgresql(EMPTY)
    try:
        with running_cluster(tmp_path, url, ENVIRONMENT) as running:
            yield running
    finally:
        drop_postgresql(url)


async def test_nothing_acknowledged_is_lost_with_a_node(cluster: Cluster) -> None:
    """Issue 4: no claim, window, value, attribute or stored command lost; no double owner."""
    survived = await survive(cluster, KILLS, 20_261_123, lambda: None)
    assert survived.wrong == []
    assert survived.steps["closer looks"] > KILLS
    assert survived.telemetry.acknowledged > 0
    assert survived.commands["answered"] > 0
    assert survived.commands["stored"] == survived.commands["stored and obeyed"]
