"""API keys: make, list, describe, switch on and off, delete (reference server since 4.3)."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath

from deedbox.api.context import ApiRequest, context_of, principal_of, source_address
from deedbox.api.paging import page_of
from deedbox.api.shapes.api_keys import (
    ApiKeyInfoShape,
    ApiKeySaveShape,
    ApiKeyShape,
    api_key_draft,
    api_key_info_shape,
    api_key_shape,
)
from deedbox.api.shapes.entities import Page
from deedbox.core.accounts import api_keys
from deedbox.core.accounts.api_keys import ApiKey
from deedbox.core.paging import Listing, PageRequest, PageSlice
from deedbox.core.storage import Stores

_TAGS = ["API keys"]
_LARGEST_BODY_BYTES = 65_536
_SAVED = Example(
    summary="A key that reads devices and what they measure",
    value={
        "description": "Nightly report",
        "expirationTime": 0,
        "permissions": {"DEVICE": ["READ", "READ_TELEMETRY"]},
    },
)


@post(
    "/api/apiKey",
    status_code=200,
    tags=_TAGS,
    summary="Make an API key",
    request_max_body_size=_LARGEST_BODY_BYTES,
)
async def save_api_key(
    request: ApiRequest, data: Annotated[ApiKeySaveShape, Body(examples=[_SAVED])]
) -> ApiKeyShape:
    """Make a key for yourself, or for `userId`, in whose name you may act. `value` is shown this once.

    Send it as `X-Authorization: ApiKey <value>`. Without `permissions` it may all that its user may.
    """
    principal, draft, address = await principal_of(request), api_key_draft(data), source_address(request)
    context = context_of(request)
    most = context.sign_ins.policy.api_keys_per_user

    async def work(stores: Stores) -> tuple[ApiKey, str]:
        return await api_keys.make(stores.api_keys, principal, draft, most, address)

    key, value = await context.storage.write(work)
    return api_key_shape(key, value, context.storage.now_ms())


@get("/api/apiKeys/{user_id:str}", tags=_TAGS, summary="List somebody's API keys")
async def list_api_keys(
    request: ApiRequest, user_id: FromPath[UUID], wanted: NamedDependency[PageRequest]
) -> Page[ApiKeyInfoShape]:
    """Return a page of the keys of yourself, or of somebody whose credentials you may change."""
    principal, now_ms = await principal_of(request), context_of(request).storage.now_ms()

    async def work(stores: Stores, asked: PageSlice) -> Listing[ApiKey]:
        return await api_keys.listed(stores.api_keys, principal, user_id, asked)

    return await page_of(request, principal, wanted, work, lambda it: api_key_info_shape(it, now_ms))


@put(
    "/api/apiKey/{key_id:str}/description",
    tags=_TAGS,
    summary="Describe an API key",
    request_max_body_size=_LARGEST_BODY_BYTES,
)
async def describe_api_key(request: ApiRequest, key_id: FromPath[UUID]) -> ApiKeyInfoShape:
    """Give the key another description: the body, plain or as a JSON string."""
    principal, address = await principal_of(request), source_address(request)
    description = _plain_text(await request.body())
    context = context_of(request)
    key = await context.storage.write(
        lambda it: api_keys.describe(it.api_keys, principal, key_id, description, address)
    )
    return api_key_info_shape(key, context.storage.now_ms())


@put("/api/apiKey/{key_id:str}/enabled/{enabled:str}", tags=_TAGS, summary="Switch an API key on or off")
async def enable_api_key(
    request: ApiRequest, key_id: FromPath[UUID], enabled: FromPath[Literal["true", "false"]]
) -> ApiKeyInfoShape:
    """Let the key work, or not for now: at once, on every node."""
    principal, address, context = await principal_of(request), source_address(request), context_of(request)
    key = await context.storage.write(
        lambda it: api_keys.enable(it.api_keys, principal, key_id, enabled == "true", address)
    )
    context.authenticator.forget(key.id)
    return api_key_info_shape(key, context.storage.now_ms())


@delete("/api/apiKey/{key_id:str}", status_code=200, tags=_TAGS, summary="Delete an API key")
async def delete_api_key(request: ApiRequest, key_id: FromPath[UUID]) -> None:
    """Delete the key: it works no more, at once, on every node."""
    principal, address, context = await principal_of(request), source_address(request), context_of(request)
    await context.storage.write(lambda it: api_keys.delete(it.api_keys, principal, key_id, address))
    context.authenticator.forget(key_id)


def _plain_text(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
