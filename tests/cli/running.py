"""Runs the command as people do, without the settings of whoever runs the tests."""

import os
import subprocess
from collections.abc import Mapping

from tests.server_process import COMMAND, OWN_SETTINGS


def ran(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    return subprocess.run(
        [str(COMMAND), *arguments],
        env=inherited | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
