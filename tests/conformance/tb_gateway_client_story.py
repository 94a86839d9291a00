"""The life of a gateway told with ThingsBoard's own Python SDK, unmodified; prints what it saw.

Runs in the SDK's environment: HOST and PORT on the command line, the gateway's access token in DEVICE_TOKEN.
"""

import os
import sys
from queue import Queue
from time import monotonic, sleep
from typing import Any

from tb_gateway_mqtt import TBGatewayMqttClient  # type: ignore[import-not-found]

from tests.conformance.chapters import tell_chapters

LONGEST_WAIT_S = 30


class Story:
    """One gateway; each public method is a chapter."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self.client = TBGatewayMqttClient(host, port, username=token)
        self.heard: Queue[dict[str, Any]] = Queue()
        self.reply: Any = None
        self.client.gw_set_server_side_rpc_request_handler(self._answer)

    def connect(self) -> dict[str, Any]:
        """Connect, and wait for the session limits and the subscriptions as thingsboard-gateway does."""
        self.client.connect(keepalive=60)
        give_up_at = monotonic() + LONGEST_WAIT_S
        while not self._is_ready() and monotonic() < give_up_at:
            sleep(0.02)
        return {"ready": self._is_ready()}

    def limits(self) -> dict[str, Any]:
        """Tell the rates that it holds itself to: its own, and that of all that is behind it."""
        behind = self.client._devices_connected_through_gateway_messages_rate_limit
        return {
            "own": self.client._messages_rate_limit.get_minimal_limit(),
            "behind": behind.get_minimal_limit(),
        }

    def connect_device(self, name: str, kind: str) -> dict[str, Any]:
        """Say that a device is there."""
        return self._sent(self.client.gw_connect_device(name, kind))

    def disconnect_device(self, name: str) -> dict[str, Any]:
        """Say that it has gone."""
        return self._sent(self.client.gw_disconnect_device(name))

    def claim(self, name: str, secret_key: str, duration_ms: Any) -> dict[str, Any]:
        """Offer a device."""
        return self._sent(self.client.gw_claim(name, secret_key, duration_ms))

    def claim_all(self, offers: dict[str, Any]) -> dict[str, Any]:
        """Offer many devices in one message."""
        return self._sent(self.client.gw_claim(None, None, None, claiming_request=offers))

    def telemetry(self, name: str, values: Any) -> dict[str, Any]:
        """Send a device's measurements."""
        return self._sent(self.client.gw_send_telemetry(name, values))

    def attributes(self, name: str, values: Any) -> dict[str, Any]:
        """Report a device's attributes."""
        return self._sent(self.client.gw_send_attributes(name, values))

    def ask_attributes(self, name: str, keys: list[str], of_client: bool) -> dict[str, Any]:
        """Ask for a device's attributes and wait for the answer."""
        ask = (
            self.client.gw_request_client_attributes
            if of_client
            else self.client.gw_request_shared_attributes
        )
        ask(name, keys, lambda answer, failure: self.heard.put({"answer": answer, "failure": repr(failure)}))
        return self.heard.get(timeout=LONGEST_WAIT_S)

    def watch(self, name: str) -> dict[str, Any]:
        """Listen for changes of a device's attributes, which `hear` tells later."""
        watched = self.client.gw_subscribe_to_all_device_attributes(
            name, lambda change: self.heard.put({"change": change})
        )
        return {"watched": bool(watched)}

    def hear(self) -> dict[str, Any]:
        """Wait for what one of the callbacks hears next."""
        return self.heard.get(timeout=LONGEST_WAIT_S)

    def answer_with(self, reply: Any) -> dict[str, Any]:
        """Answer every command from now on with this."""
        self.reply = reply
        return {}

    def leave(self) -> dict[str, Any]:
        """Disconnect."""
        self.client.disconnect()
        self.client.stop()
        return {"connected": self.client.is_connected()}

    def _is_ready(self) -> bool:
        return bool(self.client.rate_limits_received and not self.client.get_subscriptions_in_progress())

    def _answer(self, _: Any, request: dict[str, Any]) -> None:
        self.client.gw_send_rpc_reply(request["device"], request["data"]["id"], self.reply)
        self.heard.put({"command": request})

    @staticmethod
    def _sent(info: Any) -> dict[str, Any]:
        return {"result": int(info.get())}


if __name__ == "__main__":
    tell_chapters(Story(sys.argv[1], int(sys.argv[2]), os.environ["DEVICE_TOKEN"]))
