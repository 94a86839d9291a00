"""A start that is refused leaves a line for machines in the log, and a sentence for people."""

import json
import socket
from pathlib import Path

import pytest

from tests.cli.running import ran
from tests.ports import free_port

ELSEWHERE = "postgresql://deedbox:secret-of-database@127.0.0.1:1/deedbox"
QUIET = ("--mqtt", "off", "--coap", "off")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_port_in_use(log_format: str, tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        environment = {"DEEDBOX_LOG_FORMAT": log_format}
        options = ("--data", str(tmp_path), "--http", f"127.0.0.1:{port}", *QUIET)
        told = ran("serve", *options, environment=environment)
    assert told.returncode == 1
    assert f"deedbox: {reason(port)}" in told.stderr
    lines = [json.loads(it) for it in told.stderr.splitlines() if it.startswith("{")]
    expected = [("refused to start", "error")] if log_format == "json" else []
    assert [(it["event"], it["level"]) for it in lines] == expected
    assert all(reason(port) in it["reason"] for it in lines)


def reason(port: int) -> str:
    """How the sentence begins."""
    return f"Another program uses 127.0.0.1:{port} (http.listen)"


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    environment = {"DEEDBOX_DATABASE_URL": ELSEWHERE, "DEEDBOX_LOG_FORMAT": "json"}
    told = ran(
        "serve",
        "--data",
        str(tmp_path),
        "--http",
        f"127.0.0.1:{free_port()}",
        *QUIET,
        environment=environment,
    )
    assert told.returncode == 1
    assert '"refused to start"' in told.stderr and "PostgreSQL can't be used" in told.stderr
    assert "secret-of-database" not in told.stdout + told.stderr
