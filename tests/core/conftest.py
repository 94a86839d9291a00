"""Benches for the rules: the fake database is all they need."""

import pytest

from deedbox.testing.claim_scene import ClaimScene
from deedbox.testing.fakes import FakeBench


@pytest.fixture
def bench() -> FakeBench:
    return FakeBench()


@pytest.fixture
def scene(bench: FakeBench) -> ClaimScene:
    return ClaimScene(bench)
