"""Profiles whose devices provision themselves, and what such devices ask and are told."""

from typing import Any

from deedbox.core.provision_settings import Strategy
from tests.api.deployment import Deployment

KEY, SECRET = "factory-key-20-letters", "factory-secret-20-letters"
NOT_FOUND = {"status": "NOT_FOUND", "errorMsg": "Provision data was not found!"}
FAILED = {"status": "FAILURE", "errorMsg": "Failed to provision device!"}
CREATE, CHECK = Strategy.ALLOW_CREATE_NEW_DEVICES, Strategy.CHECK_PRE_PROVISIONED_DEVICES

CHAIN = Strategy.X509_CERTIFICATE_CHAIN


def profile_body(
    strategy: Strategy = CREATE, *, key: str = KEY, secret: str | None = SECRET
) -> dict[str, Any]:
    """What an administrator saves."""
    configuration = {"type": strategy, "provisionDeviceSecret": secret}
    return {
        "name": "sensor",
        "provisionType": strategy,
        "provisionDeviceKey": key,
        "profileData": {"configuration": {"type": "DEFAULT"}, "provisionConfiguration": configuration},
    }


def chain_body(
    signer: str | None, pattern: str | None = r"(.*)\.example\.com", *, makes_devices: bool | None = True
) -> dict[str, Any]:
    """What an administrator saves whose devices are let in by who signed their certificates, as PEM."""
    body = profile_body(CHAIN, key="", secret=signer)
    body["profileData"]["provisionConfiguration"] |= {
        "certificateRegExPattern": pattern,
        "allowCreateNewDevicesByX509Certificate": makes_devices,
    }
    return body


async def provisioning_profile(site: Deployment, strategy: Strategy = CREATE) -> dict[str, Any]:
    """Make a profile of the maker's."""
    made: dict[str, Any] = await site.ok("maker", "POST", "/api/deviceProfile", profile_body(strategy))
    return made


async def provision(site: Deployment, name: str | None = "s-1", **more: Any) -> dict[str, Any]:
    """Ask as a device; the answer is always 200."""
    body = {"provisionDeviceKey": KEY, "provisionDeviceSecret": SECRET, "deviceName": name} | more
    answer: dict[str, Any] = await site.ok("", "POST", "/api/v1/provision", body)
    return answer
