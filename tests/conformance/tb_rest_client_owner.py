"""An owner on ThingsBoard's Python REST client, of either generation; prints what it saw.

Runs in the client's environment: BASE_URL and E_MAIL on the command line, the password in OWNER_PASSWORD.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from tb_rest_client.rest import ApiException  # type: ignore[import-not-found]

from tests.conformance.chapters import tell_chapters

IS_OLD = version("tb-rest-client") == "4.3"
if IS_OLD:
    from tb_rest_client.models.models_ce import (  # type: ignore[import-not-found]
        ClaimRequest,
        DeviceId,
    )
    from tb_rest_client.rest_client_ce import (  # type: ignore[import-not-found]
        RestClientCE as RestClient,
    )
else:
    from tb_rest_client import RestClient  # type: ignore[import-not-found]
    from tb_rest_client.models import ClaimRequest, DeviceId  # type: ignore[import-not-found]


class Owner:
    """Somebody of a customer's; each public method is a chapter."""

    def __init__(self, base_url: str, email: str, password: str) -> None:
        self.client = RestClient(base_url)
        self.client.login(email, password)

    def token(self) -> Any:
        """The token that the client got when it signed in."""
        return self.client.get_token()

    def claim(self, device_name: str, secret_key: str) -> Any:
        """Claim a device; the answer or the refusal."""
        request = ClaimRequest(secret_key=secret_key)
        if IS_OLD:
            claim = self.client.device_controller.claim_device_using_post1
            return answered(lambda: claim(device_name, body=request))
        return answered(lambda: self.client.claim_device_by_name(device_name, request))

    def latest(self, device_id: str, key: str) -> Any:
        """The latest value of a key."""

        def read() -> Any:
            found = self.client.get_latest_timeseries(device(device_id), keys=key)
            point = found[key][0]
            return point["value"] if isinstance(point, dict) else point.value

        return answered(read)

    def ask(self, device_id: str, method: str, params: Any) -> Any:
        """Send a two-way command and wait for the device's reply."""
        request = {"method": method, "params": params, "timeout": 30_000}
        return answered(lambda: self.client.handle_two_way_device_rpc_request_v1(device(device_id), request))

    def give_back(self, device_name: str) -> Any:
        """End the ownership."""
        # An empty body is None in one generation and no bytes in the other.
        return answered(lambda: self.client.re_claim_device(device_name) or None)


def device(device_id: str) -> Any:
    """The reference to a device, as the client wants it."""
    return DeviceId(id=device_id, entity_type="DEVICE")


def answered(call: Callable[[], Any]) -> Any:
    """What a call returns, or status and body of the refusal that it raises."""
    try:
        return {"answer": call()}
    except ApiException as refusal:
        return {"status": refusal.status, "body": json.loads(refusal.body or b"null")}


if __name__ == "__main__":
    tell_chapters(Owner(sys.argv[1], sys.argv[2], os.environ["OWNER_PASSWORD"]))
