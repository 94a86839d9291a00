"""The dependency rule holds: the import contracts of pyproject.toml, run as the build runs them."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.repository import ROOT


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
