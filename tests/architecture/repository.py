"""The repository as the structure tests see it: its root, its Python files, its tracked files."""

import ast
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "deedbox"


def python_files(*folders: str) -> list[Path]:
    """All Python files below the given folders of the repository, in a fixed order."""
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def parsed(file: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def name(file: Path) -> str:
    """The path of a file relative to the repository, as messages show it."""
    return file.relative_to(ROOT).as_posix()


def git_files(*options: str) -> list[Path]:
    """The files that `git ls-files` lists with these options and that exist in the work tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *options], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    paths = {ROOT / line for line in listed.split("\0") if line}
    return sorted(path for path in paths if path.is_file())
