"""The device's side of a story: plain HTTP with `requests`, as simple firmware would speak it."""

from typing import Any

import requests

POLL_MS = 5000
WAIT_S = 60


class Gadget:
    """A device that knows its access token and nothing else."""

    def __init__(self, base_url: str, token: str) -> None:
        self.address = f"{base_url}/api/v1/{token}"

    def post(self, path: str, body: Any = None) -> int:
        """Send one message; the status of the answer."""
        answer = requests.post(f"{self.address}/{path}", json=body, timeout=WAIT_S)
        return answer.status_code

    def poll(self, path: str, timeout_ms: int = POLL_MS) -> requests.Response:
        """The answer to one long poll."""
        address = f"{self.address}/{path}"
        return requests.get(address, params={"timeout": timeout_ms}, timeout=WAIT_S)

    def attributes(self, **keys: str) -> Any:
        """The attributes that the device asks for."""
        return requests.get(f"{self.address}/attributes", params=keys, timeout=WAIT_S).json()

    def wait_for(self, path: str) -> dict[str, Any]:
        """Poll until a message comes. Raises TimeoutError when none does."""
        for _ in range(WAIT_S * 1000 // POLL_MS):
            polled = self.poll(path)
            if polled.status_code == requests.codes.ok:
                message: dict[str, Any] = polled.json()
                return message
        raise TimeoutError(f"nothing came from {path} within {WAIT_S} s")

    def answer_one_command(self, answer: object) -> dict[str, Any]:
        """Wait for a command and reply to it; the command and, as `replied`, the reply's status."""
        command = self.wait_for("rpc")
        return command | {"replied": self.post(f"rpc/{command['id']}", answer)}
