"""Reads the files below `deploy/` as their tools do, as far as that goes without these tools."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.architecture.repository import ROOT

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "deedbox"


class Instruction(NamedTuple):
    """A line of a Dockerfile: its first word, and the rest."""

    name: str
    rest: str


def stages(dockerfile: Path) -> list[list[Instruction]]:
    """The instructions of each stage; each begins with FROM."""
    lines = [it for it in dockerfile.read_text("utf-8").splitlines() if not it.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    found: list[list[Instruction]] = []
    for line in filter(str.strip, whole.splitlines()):
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, re.sub(r"\s+", " ", rest)))
    return found


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """The sections of a systemd unit; a key that stands there twice has two values."""
    sections: dict[str, dict[str, list[str]]] = {}
    name = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert name and equals, f"{path.name}: {line}"
            sections.setdefault(name, defaultdict(list))[key].append(value)
    return sections


def yaml(text: str) -> Any:
    """The one document of a YAML text, its merge keys resolved."""
    return msgspec.yaml.decode(text)


def without_actions(template: str) -> str:
    """A chart's template as YAML: lines of actions alone are left out, values become `x`."""
    lines = [it for it in template.splitlines() if not re.fullmatch(r"\s*\{\{-?.*\}\}\s*", it)]
    return re.sub(r"\{\{.*?\}\}", "x", "\n".join(lines))
