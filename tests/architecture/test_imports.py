"""The dependency rule holds: the import contracts of pyproject.toml, run as the build runs them."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.repository import ROOT


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_what_only_some_deployments_need_is_not_imported_by_others() -> None:
    """Traces, NATS and PostgreSQL cost nothing where they are not used, not even memory."""
    code = (
        "import deedbox.main.running, sys; print(*{'opentelemetry', 'nats', 'asyncpg'} & sys.modules.keys())"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == []
