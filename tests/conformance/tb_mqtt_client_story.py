"""The life of a device told with ThingsBoard's own Python SDK, unmodified; prints what it saw.

Runs in the SDK's environment: HOST and PORT on the command line, the device's access token in DEVICE_TOKEN.
"""

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from queue import Queue
from time import monotonic, sleep
from typing import Any

from tb_device_mqtt import TBDeviceMqttClient  # type: ignore[import-not-found]

from tests.conformance.chapters import tell_chapters

LONGEST_WAIT_S = 30


class Story:
    """One device; each public method is a chapter."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self.address = (host, port)
        self.client = TBDeviceMqttClient(host, port, username=token)
        self.heard: Queue[dict[str, Any]] = Queue()
        self.reply: Any = None
        self.client.set_server_side_rpc_request_handler(self._answer)

    def connect(self) -> dict[str, Any]:
        """Connect, and wait for the session limits as thingsboard-gateway does."""
        self.client.connect(keepalive=60)
        limited = self._wait(lambda: self.client.rate_limits_received)
        return {
            "connected": self.client.is_connected(),
            "limited": limited,
            "version": version("tb-mqtt-client"),
            "payload_bytes": self.client.max_payload_size,
        }

    def claim(self, secret_key: str, duration_ms: int) -> dict[str, Any]:
        """Offer the device."""
        return self._sent(self.client.claim(secret_key=secret_key, duration=duration_ms))

    def telemetry(self, values: Any) -> dict[str, Any]:
        """Send measurements."""
        return self._sent(self.client.send_telemetry(values))

    def attributes(self, values: Any) -> dict[str, Any]:
        """Report attributes."""
        return self._sent(self.client.send_attributes(values))

    def ask_attributes(self, client_keys: list[str], shared_keys: list[str]) -> dict[str, Any]:
        """Ask for attributes and wait for the answer."""
        self.client.request_attributes(client_keys, shared_keys, callback=self._keep("answer"))
        return self.heard.get(timeout=LONGEST_WAIT_S)

    def watch(self, key: str) -> dict[str, Any]:
        """Listen for changes of one attribute, which `hear` tells later; "*" stands for all."""
        return {"subscription": self.client.subscribe_to_attribute(key, self._keep(key))}

    def unwatch(self, subscription: int) -> dict[str, Any]:
        """Listen no longer."""
        self.client.unsubscribe_from_attribute(subscription)
        return {}

    def hear(self) -> dict[str, Any]:
        """Wait for what one of the callbacks hears next."""
        return self.heard.get(timeout=LONGEST_WAIT_S)

    def answer_with(self, reply: Any) -> dict[str, Any]:
        """Answer every command from now on with this."""
        self.reply = reply
        return {}

    def call(self, method: str, params: Any) -> dict[str, Any]:
        """Ask the server something and wait for its answer."""
        self.client.send_rpc_call(method, params, self._keep_answer)
        return self.heard.get(timeout=LONGEST_WAIT_S)

    def provision(self, key: str, secret: str, name: str) -> dict[str, Any]:
        """Provision another device, which then sends something; the SDK tells nothing of a failure."""
        host, port = self.address
        got = TBDeviceMqttClient.provision(host, key, secret, port=port, device_name=name)
        if got is None:
            return {}
        newcomer = TBDeviceMqttClient(host, port, username=got["credentialsValue"])
        newcomer.connect()
        self._wait(newcomer.is_connected)
        sent = self._sent(newcomer.send_telemetry({"born": 1}))
        newcomer.disconnect()
        newcomer.stop()
        return {"status": got["status"], "kind": got["credentialsType"], **sent}

    def leave(self) -> dict[str, Any]:
        """Disconnect."""
        self.client.disconnect()
        self.client.stop()
        return {"connected": self.client.is_connected()}

    def _answer(self, request_id: str, request: Any) -> None:
        self.client.send_rpc_reply(request_id, self.reply)
        self.heard.put({"command": request})

    def _keep(self, name: str) -> Callable[..., None]:
        def keep(content: Any, failure: Any, *_: Any) -> None:
            self.heard.put({name: content, "failure": repr(failure) if failure else None})

        return keep

    def _keep_answer(self, request_id: int, content: Any, failure: Any) -> None:
        self.heard.put({"answer": content, "failure": repr(failure) if failure else None})

    @staticmethod
    def _sent(info: Any) -> dict[str, Any]:
        return {"result": int(info.get())}

    @staticmethod
    def _wait(holds: Callable[[], bool]) -> bool:
        give_up_at = monotonic() + LONGEST_WAIT_S
        while not holds() and monotonic() < give_up_at:
            sleep(0.02)
        return holds()


if __name__ == "__main__":
    tell_chapters(Story(sys.argv[1], int(sys.argv[2]), os.environ["DEVICE_TOKEN"]))
