"""The pages about events, the audit log and metrics name all that the code writes, and nothing else."""

import ast
import re
from collections.abc import Iterator

from prometheus_client import Metric

from deedbox.core.audit_log import ACTIONS
from deedbox.core.claim_requests import Answer
from deedbox.core.deed_records import Reason
from deedbox.core.windows import Refused
from deedbox.serving.metrics import Metrics
from tests.architecture.repository import parsed, python_files
from tests.documentation.pages import REFERENCE, first_cells

OURS = "deedbox_"
EVENT = "device."
EVENT_TYPE = re.compile(r"(device|tenant|deployment)\.[a-z_]+")


def _texts(*folders: str) -> Iterator[ast.Constant | ast.JoinedStr]:
    for file in python_files(*folders):
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                yield node


def _constants(node: ast.AST) -> list[str]:
    found = [it.value for it in ast.walk(node) if isinstance(it, ast.Constant)]
    return [it for it in found if isinstance(it, str)]


def _event_types() -> set[str]:
    """Texts of the core that begin like an event, those with a choice in them, too."""
    types = set()
    for node in _texts("src/deedbox/core"):
        if isinstance(node, ast.JoinedStr) and _constants(node)[:1] == [EVENT]:
            types |= {EVENT + ending for ending in _constants(node)[1:]}
        elif isinstance(node, ast.Constant) and EVENT_TYPE.fullmatch(str(node.value)):
            types.add(str(node.value))
    return types


def _written_actions() -> set[str]:
    found: set[str] = set()
    for file in python_files("src/deedbox/core", "src/deedbox/api"):
        if file.name != "audit_log.py" and file.parent.name != "shapes":
            found |= set(_constants(parsed(file)))
    return found & ACTIONS


def test_every_event_is_documented() -> None:
    """Behaviour §4.5."""
    assert set(first_cells(REFERENCE / "events.md")) == _event_types()


def test_every_reason_is_documented() -> None:
    text = (REFERENCE / "events.md").read_text(encoding="utf-8")
    assert not [it for it in (*Reason, *Refused) if f"`{it}`" not in text]


def test_every_action_of_the_audit_log_is_documented() -> None:
    """Behaviour §6.4."""
    assert set(first_cells(REFERENCE / "audit.md")) - {"actionFailureDetails"} == _written_actions()


def _metrics() -> Iterator[Metric]:
    return (it for it in Metrics()._registry.collect() if it.name.startswith(OURS))


def test_every_metric_is_documented() -> None:
    names = {f"{it.name}_total" if it.type == "counter" else it.name for it in _metrics()}
    told = first_cells(REFERENCE / "metrics.md")
    assert {it for it in told if it.startswith(OURS)} == names


def test_answers_that_metrics_count_are_documented() -> None:
    text = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    assert not [it for it in (*Answer, *Refused) if f"`{it.lower()}`" not in text]
