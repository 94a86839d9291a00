"""What the pages tell people to type works: every block runs, in order, against a real server."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT
from tests.certificates import make_certificate
from tests.documentation.examples import Example, difference, examples, outputs
from tests.documentation.pages import DOCUMENTS, REFERENCE, blocks, first_cells, links, pages
from tests.ports import free_port
from tests.server_process import OWN_SETTINGS, RunningServer, running_server

README = ROOT / "README.md"
TUTORIAL = DOCUMENTS / "tutorial.md"
GUIDES = DOCUMENTS / "how-to" / "README.md"
SHELLS = ("sh", "bash", "shell", "console")


def _guides() -> list[Path]:
    """The how-to guides in the order of their list."""
    return [GUIDES.parent / link for link in links(GUIDES) if re.fullmatch(r"[\w-]+\.md", link)]


def _run() -> list[Path]:
    """The pages whose commands are run, in this order."""
    return [TUTORIAL, *_guides(), README]


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return inherited | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _replaced(server: RunningServer, mqtt_port: int, coap_port: int) -> Mapping[str, str]:
    return {
        "http://localhost:8080": server.base_url,
        "admin@localhost.localdomain": server.email,
        "the password that was printed": server.password.replace("'", "'\\''"),
        "8443": str(free_port()),
        "1883": str(mqtt_port),
        "5683": str(coap_port),
        "$TOKEN": "$OWNER",  # the README's name for it
    }


def _said(folder: Path, question: str) -> set[str]:
    with closing(sqlite3.connect(folder / "deedbox-data" / "deedbox.sqlite")) as database:
        return {row[0] for row in database.execute(question)}


def _documented(page: str) -> set[str]:
    return set(first_cells(REFERENCE / page))


def test_every_guide_is_in_the_list_of_guides() -> None:
    assert {it.name for it in _guides()} == {it.name for it in GUIDES.parent.glob("*.md")} - {"README.md"}


def test_the_tutorial_and_the_guides_run_as_they_are_written(tmp_path: Path) -> None:
    wanted: list[Example] = []
    for page in _run():
        wanted += examples(blocks(page))
    make_certificate(tmp_path)  # the guide to TLS asks for one
    mqtt_port, coap_port = free_port(), free_port()
    listening = ("--mqtt", f"127.0.0.1:{mqtt_port}", "--coap", f"127.0.0.1:{coap_port}")
    with running_server(tmp_path / "deedbox-data", *listening) as server:
        replaced = _replaced(server, mqtt_port, coap_port)
        printed = outputs(wanted, tmp_path, replaced, _environment())
    assert _said(tmp_path, "select distinct type from outbox_event") <= _documented("events.md")
    assert _said(tmp_path, "select distinct action from audit_entry") <= _documented("audit.md")
    wrong = [
        f"{it.shown.page}:{it.shown.line} {found}"
        for it, output in zip(wanted, printed, strict=True)
        if it.shown and (found := difference(it.shown, output, replaced))
    ]
    assert not wrong


@pytest.mark.parametrize("page", pages(), ids=lambda it: it.relative_to(ROOT).as_posix())
def test_every_other_shell_block_says_why_it_is_not_run(page: Path) -> None:
    if page in _run():
        return
    silent = [it.line for it in blocks(page) if it.language in SHELLS and it.is_run]
    assert not silent, "put <!-- not run: why --> before these blocks, or let a test run them"


def test_shell_blocks_are_valid_bash() -> None:
    for page in pages():
        for block in blocks(page):
            if block.language == "sh":
                checked = subprocess.run(
                    ["bash", "-n", "-c", block.text], check=False, capture_output=True, text=True
                )
                assert checked.returncode == 0, f"{block.page}:{block.line} {checked.stderr}"
