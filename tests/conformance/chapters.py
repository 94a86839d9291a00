"""Stories told chapter by chapter by a client in an environment of its own, as tests ask for them.

Both ends are here, so only the standard library is used. A chapter is asked for by a line of JSON, its
name and its arguments; what was seen is answered in one line of JSON. Nothing is judged at the client's end.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / ".venv-conformance"


def tell_chapters(story: object) -> None:
    """Tell the chapters that are asked for on standard input: each is a public method of the story."""
    for line in sys.stdin:
        chapter, *arguments = json.loads(line)
        print(json.dumps(getattr(story, chapter)(*arguments)), flush=True)


class Teller:
    """A client in a process of its own; `tell` has it do something and returns what it saw."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def tell(self, chapter: str, *arguments: object) -> Any:
        """Ask for a chapter. Raises EOFError when the story broke off; why is on standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([chapter, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(f"the story broke off in {chapter!r}; its complaints are above")
        return json.loads(line)


@contextmanager
def teller(client: str, story: str, *arguments: str, **secrets: str) -> Iterator[Teller]:
    """Run a story (a module's name) in the environment of a client; `secrets` go into its environment."""
    python = ENVIRONMENTS / client / "bin" / "python"
    assert python.exists(), f"make {python.parent.parent.relative_to(ROOT)} makes the environment"
    with subprocess.Popen(
        [python, "-m", f"tests.conformance.{story}", *arguments],
        cwd=ROOT,
        env=os.environ | {"NO_PROXY": "127.0.0.1"} | secrets,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Teller(process)
        finally:
            process.kill()
