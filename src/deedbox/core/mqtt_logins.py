"""How MQTT clients prove to be devices without a certificate: a token as user name, or as MQTT_BASIC asks."""

import hmac
from collections.abc import Sequence
from itertools import product
from uuid import UUID

import msgspec

from deedbox.core.credential_kinds import CredentialsKind, MqttBasic, mqtt_identifier
from deedbox.core.credentials import CredentialsStore, Login, lookup_digests, opened
from deedbox.core.keys import KeyRing


class Presented(msgspec.Struct, frozen=True):
    """What a client says when it connects; what it leaves out is empty."""

    client_id: str
    user_name: str
    password: bytes


async def find_mqtt_login(store: CredentialsStore, keys: KeyRing, presented: Presented) -> Login | None:
    """Return the login of the device that a client has proved to be, None when it is none."""
    [login] = await find_mqtt_logins(store, keys, [presented])
    return login


async def find_mqtt_logins(
    store: CredentialsStore, keys: KeyRing, presented: Sequence[Presented]
) -> list[Login | None]:
    """Return in order what each client has proved to be; tokens, which most have, are looked up together."""
    digests = [lookup_digests(keys, it.user_name) if it.user_name else () for it in presented]
    asked = [digest for it in digests for digest in it]
    found = await store.devices_by_credentials(asked, CredentialsKind.ACCESS_TOKEN)
    return [
        next((Login(found[digest], digest) for digest in its_digests if digest in found), None)
        or await _find_basic_login(store, keys, it)
        for it, its_digests in zip(presented, digests, strict=True)
    ]


async def _find_basic_login(store: CredentialsStore, keys: KeyRing, presented: Presented) -> Login | None:
    digests = [digest for it in _identifiers(presented) for digest in lookup_digests(keys, it)]
    found = await store.devices_by_credentials(digests, CredentialsKind.MQTT_BASIC)
    for digest, device_id in found.items():
        version = await _proved_version(store, keys, device_id, presented)
        if version:
            return Login(device_id, digest, version)
    return None


def _identifiers(presented: Presented) -> list[str]:
    """Return what the credentials may be found by: they ask for a client id, a user name or both."""
    wanted = product({presented.client_id, ""}, {presented.user_name, ""})
    return [mqtt_identifier(MqttBasic(*it)) for it in wanted if any(it)]


async def _proved_version(
    store: CredentialsStore, keys: KeyRing, device_id: UUID, presented: Presented
) -> int:
    """Return the version of a device's credentials if all that they ask for was presented, else 0."""
    stored = (await store.credentials_of([device_id])).get(device_id)
    if stored is None or stored.kind is not CredentialsKind.MQTT_BASIC:
        return 0
    asked = msgspec.json.decode(opened(stored, keys).value or "{}", type=MqttBasic)
    is_proved = (
        asked.client_id in (None, "", presented.client_id)
        and asked.user_name in (None, "", presented.user_name)
        and (not asked.password or hmac.compare_digest(asked.password.encode(), presented.password))
    )
    return stored.version if is_proved else 0
