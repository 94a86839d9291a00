"""API keys as JSON."""

from msgspec import json

from deedbox.api.shapes.entities import EntityId, Wire, reference, referred
from deedbox.core.accounts.api_keys import ApiKey, ApiKeyDraft
from deedbox.core.errors import InvalidValue

Permissions = dict[str, list[str]]


class ApiKeyInfoShape(Wire):
    """A key without its text. `permissions`: what it may of what its user may, null for all of it.

    `expirationTime` and `lastUsedTime` are epoch milliseconds, 0 for never.
    """

    id: EntityId
    created_time: int
    tenant_id: EntityId
    user_id: EntityId
    expiration_time: int
    description: str
    enabled: bool
    expired: bool
    permissions: Permissions | None
    last_used_time: int


class ApiKeyShape(ApiKeyInfoShape):
    """A key that was just made: `value` is shown this once."""

    value: str = ""


class ApiKeySaveShape(Wire):
    """A key to make, for oneself without `userId`."""

    user_id: EntityId | None = None
    description: str | None = None
    expiration_time: int | None = None
    enabled: bool = True
    permissions: Permissions | None = None


def api_key_draft(data: ApiKeySaveShape) -> ApiKeyDraft:
    """Return what a body asks for. Raises InvalidValue, naming the field."""
    if (data.expiration_time or 0) < 0:
        raise InvalidValue("expirationTime must be epoch milliseconds, or 0 for never.", "/expirationTime")
    return ApiKeyDraft(
        user_id=referred(data.user_id),
        description=data.description,
        permissions=data.permissions,
        expires_at=data.expiration_time or 0,
        enabled=data.enabled,
    )


def api_key_info_shape(key: ApiKey, now_ms: int) -> ApiKeyInfoShape:
    """Return a key as clients see it later."""
    return ApiKeyInfoShape(
        id=reference("API_KEY", key.id),
        created_time=key.created_at,
        tenant_id=reference("TENANT", key.tenant_id),
        user_id=reference("USER", key.user_id),
        expiration_time=key.expires_at,
        description=key.description,
        enabled=key.enabled,
        expired=0 < key.expires_at <= now_ms,
        permissions=json.decode(key.permissions, type=Permissions) if key.permissions else None,
        last_used_time=key.last_used_at,
    )


def api_key_shape(key: ApiKey, value: str, now_ms: int) -> ApiKeyShape:
    """Return a key that was just made."""
    info = api_key_info_shape(key, now_ms)
    return ApiKeyShape(**{name: getattr(info, name) for name in info.__struct_fields__}, value=value)
