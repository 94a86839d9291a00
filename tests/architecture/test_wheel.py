"""The wheel that people install holds all that src holds: SQL, templates and scripts included."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.architecture.repository import ROOT, SOURCES, git_files


def _built_wheel(folder: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    with _built_wheel(tmp_path) as wheel:
        inside = set(wheel.namelist())
    files = git_files("--cached", "--others", "--exclude-standard", "src/deedbox")
    missing = {file.relative_to(SOURCES.parent).as_posix() for file in files} - inside
    assert not missing
    assert any(path.endswith("/licenses/LICENSE") for path in inside)


def test_the_wheel_declares_the_command(tmp_path: Path) -> None:
    with _built_wheel(tmp_path) as wheel:
        (entry_points,) = (path for path in wheel.namelist() if path.endswith("entry_points.txt"))
        assert "deedbox = deedbox.cli:main" in wheel.read(entry_points).decode()
