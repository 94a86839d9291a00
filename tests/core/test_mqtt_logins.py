"""MQTT clients prove to be devices by what their credentials ask for: all of it, and nothing less."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from deedbox.core.certificate_logins import find_by_certificate
from deedbox.core.credential_kinds import CredentialsDraft, CredentialsKind
from deedbox.core.credentials import Login, change_credentials, ended_logins
from deedbox.core.keys import KeyRing, RingKey
from deedbox.core.mqtt_logins import Presented, find_mqtt_login
from deedbox.storage.sqlite import SQLiteStorage
from deedbox.storage.stores import Stores
from tests.certificates import make_certificate
from tests.storage.sqlite_bench import new_database

KEYS = KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32)})
ROTATED = KeyRing({1: RingKey(b"d" * 32, b"e" * 32, b"s" * 32), 2: RingKey(b"D" * 32, b"E" * 32, b"S" * 32)})
TOKEN = CredentialsDraft(credentials_id="the token")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SQLiteStorage]:
    opened = SQLiteStorage(new_database(tmp_path))
    yield opened
    await opened.close()


def basic(**asked: str) -> CredentialsDraft:
    return CredentialsDraft(CredentialsKind.MQTT_BASIC, value=msgspec.json.encode(asked).decode())


async def give(storage: SQLiteStorage, device_id: UUID, draft: CredentialsDraft) -> None:
    async def work(stores: Stores) -> None:
        await change_credentials(stores.credentials, KEYS, device_id, draft, None)

    await storage.write(work)


async def login(storage: SQLiteStorage, presented: Presented, keys: KeyRing = KEYS) -> Login | None:
    async def work(stores: Stores) -> Login | None:
        return await find_mqtt_login(stores.credentials, keys, presented)

    return await storage.read(work)


async def is_ended(storage: SQLiteStorage, login: Login) -> bool:
    async def work(stores: Stores) -> list[Login]:
        return await ended_logins(stores.credentials, [login])

    return bool(await storage.read(work))


ASKED = {"clientId": "lamp", "userName": "hall", "password": "dark"}


@pytest.mark.parametrize(
    ("asked", "presented", "is_proved"),
    [
        (ASKED, Presented("lamp", "hall", b"dark"), True),
        (ASKED, Presented("lamp", "hall", b"Dark"), False),
        (ASKED, Presented("lamp", "hall", b""), False),
        (ASKED, Presented("lamp", "hall", b"\xff"), False),
        (ASKED, Presented("Lamp", "hall", b"dark"), False),
        (ASKED, Presented("lamp", "", b"dark"), False),
        (ASKED, Presented("lamp|hall", "", b"dark"), False),
        ({"clientId": "lamp"}, Presented("lamp", "", b""), True),
        ({"clientId": "lamp"}, Presented("lamp", "whoever", b"whatever"), True),
        ({"clientId": "lamp"}, Presented("", "lamp", b""), False),
        ({"userName": "hall"}, Presented("any", "hall", b""), True),
        ({"userName": "hall", "password": "dark"}, Presented("any", "hall", b"dark"), True),
        ({"userName": "hall", "password": "dark"}, Presented("any", "hall", b"light"), False),
        ({"userName": "hall", "password": "dark"}, Presented("", "", b"dark"), False),
    ],
)
async def test_all_that_is_asked_for_is_presented(
    storage: SQLiteStorage, asked: dict[str, str], presented: Presented, is_proved: bool
) -> None:
    """See thingsboard §2.2"""
    device_id = uuid4()
    await give(storage, device_id, basic(**asked))
    for keys in (KEYS, ROTATED):
        found = await login(storage, presented, keys)
        assert (found and found.device_id) == (device_id if is_proved else None)


async def test_a_token_is_a_user_name(storage: SQLiteStorage) -> None:
    """See thingsboard §2.2; client id and password do not matter then"""
    device_id = uuid4()
    await give(storage, device_id, TOKEN)
    for presented in (Presented("", "the token", b""), Presented("lamp", "the token", b"dark")):
        found = await login(storage, presented)
        assert found is not None
        assert (found.device_id, found.version) == (device_id, 0)
    assert await login(storage, Presented("the token", "", b"")) is None


async def test_a_certificate_is_found_by_what_it_is(storage: SQLiteStorage, tmp_path: Path) -> None:
    """Thingsboard §2.2: the very certificate is the device's credentials, with every generation of keys."""
    pem = make_certificate(tmp_path).certificate.read_text()
    certificate, device_id = ssl.PEM_cert_to_DER_cert(pem), uuid4()

    async def found_by(keys: KeyRing) -> Login | None:
        async def work(stores: Stores) -> Login | None:
            return await find_by_certificate(stores.credentials, keys, certificate)

        return await storage.look(work)

    assert await found_by(KEYS) is None
    # What openssl writes before it does not matter.
    draft = CredentialsDraft(CredentialsKind.X509_CERTIFICATE, value=f"subject=CN = lamp\n{pem}")
    await give(storage, device_id, draft)
    logins = [await found_by(keys) for keys in (KEYS, ROTATED)]
    assert [it and it.device_id for it in logins] == [device_id, device_id]
    assert logins[1] is not None
    assert not await is_ended(storage, logins[1])
    await give(storage, device_id, CredentialsDraft(credentials_id="another"))
    assert await is_ended(storage, logins[1])


async def test_of_two_devices_the_one_that_is_proved_is_found(storage: SQLiteStorage) -> None:
    """A user name that several share does not keep the one with its own client id out (thingsboard §2.2)."""
    everybody, lamp = uuid4(), uuid4()
    await give(storage, everybody, basic(userName="hall", password="dark"))
    await give(storage, lamp, basic(clientId="lamp", userName="hall", password="bright"))
    for password, device_id in ((b"dark", everybody), (b"bright", lamp)):
        found = await login(storage, Presented("lamp", "hall", password))
        assert found is not None
        assert found.device_id == device_id


async def test_a_login_ends_with_its_credentials(storage: SQLiteStorage) -> None:
    """A new password counts as much as a new token (behaviour §5.5)."""
    device_id = uuid4()
    for draft, presented in [
        (TOKEN, Presented("", "the token", b"")),
        (basic(userName="the token", password="dark"), Presented("", "the token", b"dark")),
        (basic(userName="the token", password="light"), Presented("", "the token", b"light")),
    ]:
        await give(storage, device_id, draft)
        found = await login(storage, presented)
        assert found is not None
        assert not await is_ended(storage, found)
        await give(storage, device_id, basic(userName="the token", password="another"))
        assert await is_ended(storage, found)
