"""What README and CONTRIBUTING tell people to type exists."""

import re

import pytest

from tests.architecture.repository import ROOT

TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_two_commands_of_the_readme_exist() -> None:
    assert {"demo", "test"} <= TARGETS


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_in_a_document_exists(document: str) -> None:
    # Commands stand in code: indented, fenced or between backticks, at the start of it.
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^ {4}|^)make ([a-z][a-z-]*)", text, re.MULTILINE))
    assert named <= TARGETS, f"{document} names make targets that the Makefile lacks"


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, "make .ci/run executable"
    assert re.search(r"^(exec )?make test$", script.read_text(), re.MULTILINE)
