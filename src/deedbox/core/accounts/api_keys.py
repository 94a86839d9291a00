"""API keys: what programs send in place of a sign-in token, with all or some of what their user may.

A key is `dbk_`, 36 random characters (0-9, A-Z, a-z) and 6 more of them that are the CRC-32 of all before.
Scanners of source code know it by its prefix, and a slip is noticed without a look into the database. It is
so long that its plain SHA-256 tells nothing about it: no key file protects it, and `secrets rotate` leaves
it as it is.
"""

import hashlib
import re
import string
from binascii import crc32
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import msgspec

from deedbox.core.access.grants import Grants, default_rules, operations_named, resources_named
from deedbox.core.access.operations import Operation, Resource
from deedbox.core.access.role_permissions import check_generic
from deedbox.core.errors import InvalidValue, LimitReached, NotFound
from deedbox.core.paging import Listing, PageSlice
from deedbox.core.permissions import Principal, check_in_person
from deedbox.core.texts import checked_text
from deedbox.core.users import User, UserStore, audit, permitted_user

PREFIX = "dbk_"
LONGEST_DESCRIPTION = 255
#: When a key was last used is written down at most so often.
USE_NOTED_EVERY_MS = 60_000
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_CHARACTERS = 36
_CHECK_CHARACTERS = 6
_KEY = re.compile(r"dbk_[0-9A-Za-z]{42}")
_RANDOM_BYTES = 32
_NOTHING: frozenset[Operation] = frozenset()


class ApiKey(msgspec.Struct, frozen=True):
    """A key as it is stored. `permissions` is JSON like a generic role's, "" for all that its user may.

    `expires_at` 0: never; `last_used_at` 0: not yet; both epoch milliseconds.
    """

    id: UUID
    tenant_id: UUID
    user_id: UUID
    digest: bytes
    description: str
    permissions: str
    enabled: bool
    created_at: int
    expires_at: int
    last_used_at: int = 0


class KeyHolder(msgspec.Struct, frozen=True):
    """Whose a key is, with what the key may, and until when (epoch ms, 0 for ever)."""

    principal: Principal
    expires_at: int
    last_used_at: int


class ApiKeyDraft(msgspec.Struct, frozen=True):
    """What somebody wants a key to be; `permissions` None for all that its user may."""

    user_id: UUID | None
    description: str | None
    permissions: dict[str, list[str]] | None
    expires_at: int
    enabled: bool = True


class ApiKeyStore(UserStore, Protocol):
    """API keys, inside one transaction."""

    async def add_api_key(self, key: ApiKey, most: int) -> bool:
        """Store a key; False when its user has `most` already."""
        ...

    async def find_api_key(self, key_id: UUID) -> ApiKey | None:
        """Return a key."""
        ...

    async def change_api_key(self, key: ApiKey) -> None:
        """Replace description and whether it is enabled."""
        ...

    async def delete_api_key(self, key_id: UUID) -> None:
        """Delete a key."""
        ...

    async def api_keys_of(self, user_id: UUID, asked: PageSlice) -> Listing[ApiKey]:
        """Return a page of a user's keys."""
        ...

    async def key_holder(self, digest: bytes) -> KeyHolder | None:
        """Return whose a key is that works now; None for one that is unknown, disabled or expired."""
        ...

    async def note_key_use(self, key_id: UUID, used_at: int) -> None:
        """Write down when a key was used."""
        ...


def is_api_key(text: str) -> bool:
    """Tell whether a text is meant to be an API key, well-formed or not."""
    return text.startswith(PREFIX)


def new_key(random_bytes: bytes) -> str:
    """Return a key made of 32 unpredictable bytes."""
    body = PREFIX + _in_base_62(int.from_bytes(random_bytes, "big"), _RANDOM_CHARACTERS)
    return body + _checksum(body)


def digest_of(key: str) -> bytes | None:
    """Return what a key is found by; None for what cannot be one: misspelt, cut off, too long."""
    if not _KEY.fullmatch(key) or _checksum(key[:-_CHECK_CHARACTERS]) != key[-_CHECK_CHARACTERS:]:
        return None
    return hashlib.sha256(key.encode()).digest()


def limited(principal: Principal, permissions: str) -> Principal:
    """Return somebody with no more than what a stored key's `permissions` leave."""
    if not permissions:
        return principal
    limits = _limits_of(permissions)
    grants = principal.grants or Grants(default_rules(principal.authority))
    rules = {
        resource: {it: reach for it, reach in rules.items() if it in limits.get(resource, ())}
        for resource, rules in grants.rules.items()
    }
    by_group = {
        resource: {group: operations & limits.get(resource, _NOTHING) for group, operations in groups.items()}
        for resource, groups in grants.by_group.items()
    }
    return msgspec.structs.replace(principal, grants=Grants(rules, by_group))


def _limits_of(permissions: str) -> Mapping[Resource, frozenset[Operation]]:
    found: dict[Resource, frozenset[Operation]] = {}
    for name, names in msgspec.json.decode(permissions, type=dict[str, list[str]]).items():
        for resource in resources_named(name):
            found[resource] = found.get(resource, _NOTHING) | operations_named(names)
    return found


async def make(
    store: ApiKeyStore, principal: Principal, draft: ApiKeyDraft, most: int, source_address: str
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which is shown this once.

    Who may act in somebody's name may make keys for that one. Raises NotPermitted, NotFound; InvalidValue,
    naming the field; LimitReached.
    """
    user = await _user(store, principal, draft.user_id or principal.user_id, Operation.IMPERSONATE)
    now_ms = await store.now_ms()
    if draft.permissions is not None:
        check_generic(draft.permissions)
    if draft.expires_at and draft.expires_at <= now_ms:
        raise InvalidValue("expirationTime must be in the future, or 0 for never.", "/expirationTime")
    text = new_key(store.random_bytes(_RANDOM_BYTES))
    key = ApiKey(
        id=store.new_id(),
        tenant_id=user.tenant_id,
        user_id=user.id,
        digest=hashlib.sha256(text.encode()).digest(),
        description=_checked_description(draft.description),
        permissions="" if draft.permissions is None else msgspec.json.encode(draft.permissions).decode(),
        enabled=draft.enabled,
        created_at=now_ms,
        expires_at=draft.expires_at,
    )
    if not await store.add_api_key(key, most):
        raise LimitReached(f"A user has at most {most} API keys (sign_in.api_keys_per_user). Delete one.")
    await _audit(store, principal, user, source_address, key, made=True)
    return key, text


async def describe(
    store: ApiKeyStore, principal: Principal, key_id: UUID, description: str | None, source_address: str
) -> ApiKey:
    """Give a key another description. Raises NotFound, NotPermitted, InvalidValue."""
    user, key = await _permitted(store, principal, key_id)
    key = msgspec.structs.replace(key, description=_checked_description(description))
    await store.change_api_key(key)
    await _audit(store, principal, user, source_address, key)
    return key


async def enable(
    store: ApiKeyStore, principal: Principal, key_id: UUID, enabled: bool, source_address: str
) -> ApiKey:
    """Let a key work, or not for now. Raises NotFound, NotPermitted."""
    user, key = await _permitted(store, principal, key_id)
    key = msgspec.structs.replace(key, enabled=enabled)
    await store.change_api_key(key)
    await _audit(store, principal, user, source_address, key)
    return key


async def delete(store: ApiKeyStore, principal: Principal, key_id: UUID, source_address: str) -> None:
    """Delete a key. Raises NotFound, NotPermitted."""
    user, key = await _permitted(store, principal, key_id)
    await store.delete_api_key(key.id)
    await _audit(store, principal, user, source_address, key, deleted=True)


async def listed(
    store: ApiKeyStore, principal: Principal, user_id: UUID, asked: PageSlice
) -> Listing[ApiKey]:
    """Return a page of somebody's keys. Raises NotFound, NotPermitted."""
    user = await _user(store, principal, user_id, Operation.WRITE_CREDENTIALS)
    return await store.api_keys_of(user.id, asked)


async def _permitted(store: ApiKeyStore, principal: Principal, key_id: UUID) -> tuple[User, ApiKey]:
    key = await store.find_api_key(key_id)
    if key is None:
        raise NotFound(f"API key with id [{key_id}] is not found")
    return await _user(store, principal, key.user_id, Operation.WRITE_CREDENTIALS), key


async def _user(store: ApiKeyStore, principal: Principal, user_id: UUID, operation: Operation) -> User:
    """Return whose keys these are: one's own, or somebody's to whom one may do that."""
    check_in_person(principal)
    if user_id != principal.user_id:
        return await permitted_user(store, principal, operation, user_id)
    user = await store.find_user(user_id)
    if user is None:
        raise NotFound
    return user


def _checked_description(description: str | None) -> str:
    return checked_text(description or "", "description", LONGEST_DESCRIPTION)


async def _audit(
    store: ApiKeyStore, principal: Principal, user: User, source_address: str, key: ApiKey, **more: bool
) -> None:
    facts: dict[str, object] = {"apiKeyId": key.id, "description": key.description, "enabled": key.enabled}
    await audit(store, principal.actor(source_address), user, "CREDENTIALS_UPDATED", **facts, **more)


def _in_base_62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


def _checksum(body: str) -> str:
    return _in_base_62(crc32(body.encode()), _CHECK_CHARACTERS)
