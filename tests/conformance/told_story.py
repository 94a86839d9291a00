"""What a client told of the claim story in its own environment, step by step, and how refusals are judged."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.server_process import ServerAddress

ROOT = Path(__file__).resolve().parents[2]
GENERATIONS = ("4.3", "4.4")
STORY = "tests.conformance.tb_rest_client_story"
LONGEST_STORY_S = 300
NOBODY = "13814000-1dd2-11b2-8080-808080808080"
DEVICE = "Gadget 1/ä"
NOT_FOUND = {"status": 404, "error_code": 32}
FORBIDDEN = {"status": 403, "error_code": 20}
SHUT_OUT = (403, 404)


class Story:
    """What the client saw, step by step."""

    def __init__(self, told: "subprocess.CompletedProcess[str]", base_url: str) -> None:
        lines = [json.loads(line) for line in told.stdout.splitlines()]
        self.steps = {line.pop("step"): line for line in lines}
        self.exit_code = told.returncode
        self.complaints = told.stderr
        self.base_url = base_url

    def __getitem__(self, step: str) -> dict[str, Any]:
        if step not in self.steps:
            pytest.fail(f"the story broke off before {step!r}:\n{self.complaints}")
        seen: dict[str, Any] = self.steps[step]
        return seen


def tell_story(server: ServerAddress, generation: str) -> Story:
    """Let a generation of tb-rest-client tell the whole story to a server."""
    python = ROOT / ".venv-conformance" / f"tb-rest-client-{generation}" / "bin" / "python"
    assert python.exists(), f"make {python.parent.parent.relative_to(ROOT)} makes the environment"
    told = subprocess.run(
        [python, "-m", STORY, server.base_url, server.email],
        cwd=ROOT,
        env=os.environ | {"STORY_PASSWORD": server.password, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=LONGEST_STORY_S,
        check=False,
    )
    return Story(told, server.base_url)


def assert_error(refusal: dict[str, Any], status: int, error_code: int) -> None:
    assert refusal["status"] == status, refusal
    body = refusal["body"]
    assert (body["status"], body["errorCode"]) == (status, error_code)
    assert body["message"]
    assert isinstance(body["timestamp"], int)
