"""What attributes and time series share over HTTP: entities in paths, keys in queries, JSON bodies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar.openapi.spec import Example, OpenAPIMediaType, RequestBody
from litestar.openapi.spec.operation import Operation
from litestar.params import QueryParameter

from deedbox.api.context import ApiRequest
from deedbox.core.errors import InvalidValue
from deedbox.core.holders import resource
from deedbox.core.permissions import Resource

PREFIX = "/api/plugins/telemetry"
ENTITY = PREFIX + "/{entity_type:str}/{entity_id:str}"
DEVICE = PREFIX + "/{device_id:str}"

KeysQuery = Annotated[str | None, QueryParameter(name="keys", description="Names, separated by commas.")]
KeyQuery = Annotated[
    list[str] | None,
    QueryParameter(
        name="key", description="One name; may be repeated, and may hold commas. Wins over `keys`."
    ),
]


def entity(entity_type: str, entity_id: str) -> tuple[Resource, UUID]:
    """Return what a path names. Raises InvalidValue for an unknown type and for what is no UUID."""
    try:
        return resource(entity_type), UUID(entity_id)
    except ValueError:
        raise InvalidValue("The id in the address is not a UUID.", "/entityId") from None


def named_keys(keys: str | None, key: Sequence[str] | None) -> list[str]:
    """Return the names that a query asks for, each once; none means that it names none."""
    names = key or (keys or "").split(",")
    return [name for name in dict.fromkeys(names) if name.strip()]


async def json_body(request: ApiRequest) -> Any:
    """Return the JSON of the body, whatever its content type says.

    Clients wrap JSON in a JSON string; that is unwrapped once. Raises InvalidValue, never repeating the body.
    """
    data = _decoded(await request.body())
    return _decoded(data.encode()) if isinstance(data, str) else data


def json_operation(name: str, value: object) -> type[Operation]:
    """Return the OpenAPI description of a handler that reads its body itself, with an example of it."""

    @dataclass
    class JsonOperation(Operation):
        def __post_init__(self) -> None:
            media = OpenAPIMediaType(examples={name: Example(summary=name, value=value)})
            self.request_body = RequestBody({"application/json": media}, required=True)

    return JsonOperation


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidValue('Invalid JSON: the body must be a JSON object, as {"key": 1}.') from None
