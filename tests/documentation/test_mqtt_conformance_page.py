"""The page about Paho's tests explains each one that stops, and no other."""

from tests.conformance.paho_expected import EXPECTED
from tests.documentation.pages import REFERENCE, first_cells


def test_every_exception_is_explained() -> None:
    told = {it for it in first_cells(REFERENCE / "mqtt-conformance.md") if it.startswith("test")}
    assert told == {test for _, test in EXPECTED}
