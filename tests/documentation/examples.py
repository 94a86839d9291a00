"""Runs the shell blocks of pages in one bash and compares what they print with what the pages show.

A `sh` block is run; a `json` or `text` block right after it shows its output. JSON is compared loosely: what
is shown must be there; numbers may differ, and `…` stands for any text. Text is compared line by line.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from tests.documentation.pages import Block

_MARK = "=== end of block {} ==="
_LONGEST_RUN_S = 120


class Example(NamedTuple):
    """Commands and the output that the page shows for them, if it does."""

    commands: Block
    shown: Block | None


def examples(page_blocks: Sequence[Block]) -> list[Example]:
    """The examples of a page that can be run."""
    found = []
    for block, following in zip_longest(page_blocks, page_blocks[1:]):
        if block.language == "sh" and block.is_run:
            shows = following is not None and following.language in ("json", "text") and following.is_run
            found.append(Example(block, following if shows else None))
    return found


def outputs(
    wanted: Sequence[Example], folder: Path, replaced: Mapping[str, str], environment: Mapping[str, str]
) -> list[str]:
    """What each example prints, run in the order given; `replaced`: texts of pages and what is run instead.

    Raises AssertionError, with the block and what was said, when a command fails.
    """
    script = "set -eu -o pipefail\n"
    for number, example in enumerate(wanted):
        script += f"{example.commands.text}\nprintf '\\n%s\\n' '{_MARK.format(number)}'\n"
    script = as_run(script, replaced)
    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=dict(environment),
        check=False,
        capture_output=True,
        text=True,
        timeout=_LONGEST_RUN_S,
    )
    parts = re.split(r"\n?=== end of block \d+ ===\n", ran.stdout)
    if ran.returncode:
        failed = wanted[len(parts) - 1].commands
        said = f"{parts[-1]}\n{ran.stderr}"
        raise AssertionError(
            f"{failed.page}:{failed.line} ended with {ran.returncode}\n{failed.text}\n{said}"
        )
    return parts[:-1]


def as_run(text: str, replaced: Mapping[str, str]) -> str:
    """The text with what stands for this run's server in the place of what the pages say."""
    for shown, run in replaced.items():
        text = text.replace(shown, run)
    return text


def difference(shown: Block, output: str, replaced: Mapping[str, str]) -> str:
    """Say where the output is not what the page shows; empty when it is."""
    text = as_run(shown.text, replaced)
    if shown.language == "json":
        return _json_difference(json.loads(text), _decoded(output), "")
    lines = output.splitlines()
    missing = [line for line in text.splitlines() if not any(_matches(line, it) for it in lines)]
    return f"not printed: {missing}; printed: {output}" if missing else ""


def _decoded(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:
        return f"no JSON: {output}"


def _json_difference(shown: Any, found: Any, place: str) -> str:
    at = place or "the answer"
    pairs: list[tuple[Any, Any, Any]]
    if isinstance(shown, dict) and isinstance(found, dict):
        missing = sorted(shown.keys() - found.keys())
        if missing:
            return f"{at} lacks {missing}: {found}"
        pairs = [(name, shown[name], found[name]) for name in shown]
    elif isinstance(shown, list) and isinstance(found, list):
        if len(shown) > len(found):
            return f"{at} has {len(found)} items: {found}"
        pairs = [(number, *it) for number, it in enumerate(zip(shown, found, strict=False))]
    else:
        return "" if _is_alike(shown, found) else f"{at} is {found!r}, shown as {shown!r}"
    differences = (_json_difference(it[1], it[2], f"{place}/{it[0]}") for it in pairs)
    return next(filter(None, differences), "")


def _is_alike(shown: Any, found: Any) -> bool:
    if isinstance(shown, str):
        return isinstance(found, str) and _matches(shown, found)
    if isinstance(shown, bool) or shown is None:
        return shown is found
    return isinstance(shown, int | float) and isinstance(found, int | float)


def _matches(shown: str, found: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, found.strip(), re.DOTALL) is not None
