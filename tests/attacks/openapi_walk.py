"""Fills in every operation of the OpenAPI document with ids of somebody else's things."""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Document = Mapping[str, Any]
Things = Mapping[str, Sequence[str]]

#: What a path parameter or a field of a body refers to, by the end of its name.
_KINDS = {
    "deviceProfileId": "DEVICE_PROFILE",
    "profileId": "DEVICE_PROFILE",
    "subCustomerId": "CUSTOMER",
    "parentCustomerId": "CUSTOMER",
    "customerId": "CUSTOMER",
    "ownerId": "CUSTOMER",
    "tenantId": "TENANT",
    "userId": "USER",
    "deviceId": "DEVICE",
    "assetId": "ASSET",
    "assetProfileId": "ASSET_PROFILE",
    "rpcId": "RPC",
    "roleId": "ROLE",
    "entityGroupId": "ENTITY_GROUP",
    "userGroupId": "USER_GROUP",
    "groupPermissionId": "GROUP_PERMISSION",
    "memberId": "DEVICE",
    "keyId": "API_KEY",
    "sessionId": "SESSION",
}
#: Parameters of queries that name a thing of any kind.
_ENDS = (("fromType", "fromId"), ("toType", "toId"), ("entityType", "entityId"))
#: What an `id` in a body refers to, by the address that takes the body.
_SAVED = {
    "/api/user": "USER",
    "/api/tenant": "TENANT",
    "/api/customer": "CUSTOMER",
    "/api/deviceProfile": "DEVICE_PROFILE",
    "/api/device": "DEVICE",
    "/api/asset": "ASSET",
    "/api/assetProfile": "ASSET_PROFILE",
    "/api/role": "ROLE",
    "/api/entityGroup": "ENTITY_GROUP",
    "/api/groupPermission": "GROUP_PERMISSION",
}
#: Parameters that are no ids, with values that reach as much as possible.
_PLAIN: Mapping[str, Sequence[str]] = {
    "deviceName": ("lamp", "spare"),
    "assetName": ("house",),
    "customerTitle": ("Alice's home",),
    "relationType": ("Contains",),
    "scopeName": ("SERVER_SCOPE", "SHARED_SCOPE"),
    "ttl": ("1000",),
    "keys": ("state,claimingData",),
    "startTs": ("0",),
    "endTs": ("4102444800000",),
    "pageSize": ("100",),
    "page": ("0",),
    "deleteAllDataForKeys": ("true",),
    "operation": ("READ",),
    "ownerType": ("CUSTOMER",),
    "groupType": ("DEVICE", "USER"),
    "groupName": ("shed", "All"),
    "enabled": ("true",),
}


class Call(NamedTuple):
    """One request; `names_theirs` when its address holds an id or a name of theirs."""

    method: str
    template: str
    path: str
    query: dict[str, str]
    json: Any
    names_theirs: bool


def calls(document: Document, method: str, template: str, things: Things) -> Iterator[Call]:
    """Yield the requests that this operation takes about these things, none where it takes no such kind.

    Raises KeyError for a parameter that this file does not know: say here what it refers to.
    """
    operation = document["paths"][template][method]
    parameters = operation.get("parameters", [])
    places = [_path_values(it["name"], things) for it in parameters if it["in"] == "path"]
    queries = _queries([it for it in parameters if it["in"] == "query"], things)
    bodies = list(_bodies(document, operation, template, things))
    for filled in itertools.product(*places):
        for (query, is_theirs), body in itertools.product(queries, bodies):
            path = template
            for part in filled:
                for name, value in part.items():
                    path = path.replace("{" + name + "}", value)
            if "{" not in path:
                named = is_theirs or any(
                    not name.startswith(("scope", "ttl")) for it in filled for name in it
                )
                yield Call(method.upper(), template, path, query, body, named)


def _path_values(name: str, things: Things) -> list[dict[str, str]]:
    if name == "entity_type":
        return [
            {"entity_type": kind, "entity_id": thing} for kind, found in things.items() for thing in found
        ]
    if name == "entity_id":
        return [{}]
    wire = _wire_name(name)
    return [{name: value} for value in _PLAIN.get(wire) or things.get(_KINDS[wire], ())]


def _queries(parameters: Sequence[Any], things: Things) -> list[tuple[dict[str, str], bool]]:
    """Return the queries to try: everything plain, and each parameter that takes ids."""
    names = [it["name"] for it in parameters]
    plain = {name: _PLAIN[name][0] for name in names if name in _PLAIN}
    found = [(plain, not {"deviceName", "assetName", "customerTitle"}.isdisjoint(plain))]
    for name in names:
        kind = _KINDS.get(name.removesuffix("s"))
        if kind and things.get(kind):
            found.append((plain | {name: ",".join(things[kind])}, False))
    return found + [(plain | ends, True) for ends in _ends(names, things)]


def _ends(names: Sequence[str], things: Things) -> Iterator[dict[str, str]]:
    """Yield queries that name one end of a relation, and those that name both."""
    every = [(kind, thing) for kind, found in things.items() for thing in found]
    taken = [pair for pair in _ENDS if pair[1] in names]
    for position, end in enumerate(every):
        for pair in taken:
            yield dict(zip(pair, end, strict=True))
        if len(taken) > 1:
            both = zip(taken[0] + taken[1], end + every[position - 1], strict=True)
            yield dict(both)


def _bodies(document: Document, operation: Any, template: str, things: Things) -> Iterator[Any]:
    """Yield the documented example as it stands, and once with each id in it replaced by one of theirs."""
    if "requestBody" not in operation:
        yield None
        return
    content = next(iter(operation["requestBody"]["content"].values()))
    schema = content.get("schema", {})
    example = _example(document, content, schema)
    yield example
    if isinstance(example, dict):
        yield from _bodies_about_ends(example, things)
    elif template.endswith("Entities"):
        yield from ([it] for found in things.values() for it in found)
    shape = _resolved(document, schema)
    for place in _id_places(document, shape):
        kind = _SAVED.get(template, "") if place[-1] == "id" else _KINDS.get(place[-1], "")
        if place[-1] == "id" and len(place) > 1:
            kind = place[-2].upper()
        for thing in things.get(kind, ()):
            body = copy.deepcopy(example)
            inner = body
            for name in place[:-1]:
                inner = inner.setdefault(name, {})
            inner[place[-1]] = {"entityType": kind, "id": thing}
            yield body


def _bodies_about_ends(example: Any, things: Things) -> Iterator[Any]:
    """Yield relations between their things, searches that begin at one, and questions about one."""
    every = [(kind, thing) for kind, found in things.items() for thing in found]
    for position, (kind, thing) in enumerate(every):
        other_kind, other = every[position - 1]
        if "from" in example:
            ends = {"from": (kind, thing), "to": (other_kind, other)}
            yield example | {name: {"entityType": it[0], "id": it[1]} for name, it in ends.items()}
        elif "rootId" in example.get("parameters", {}):
            begin = example["parameters"] | {"rootType": kind, "rootId": thing, "maxLevel": 0}
            yield example | {"parameters": begin, "filters": []}
        elif "entityFilter" in example:
            chosen = {"type": "singleEntity", "singleEntity": {"entityType": kind, "id": thing}}
            yield example | {"entityFilter": chosen, "keyFilters": []}


def _example(document: Document, content: Any, schema: Any) -> Any:
    named: dict[str, Any] = next(iter(content.get("examples", {}).values()), {})
    found = [*schema.get("examples", []), *([named["value"]] if "value" in named else [])]
    if found:
        return copy.deepcopy(found[0])
    shape = _resolved(document, schema)
    return {name: "text" for name in shape.get("required", []) if "$ref" not in shape["properties"][name]}


def _id_places(document: Document, shape: Any, depth: int = 0) -> Iterator[tuple[str, ...]]:
    for name, field in shape.get("properties", {}).items():
        inner = _resolved(document, field)
        if inner.get("title") == "EntityId":
            yield (name,)
        elif depth < 2:
            yield from ((name, *rest) for rest in _id_places(document, inner, depth + 1))


def _resolved(document: Document, schema: Any) -> Any:
    """Return the object that a schema means, looking through references and unions with null."""
    if "$ref" in schema:
        return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for key in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(key, []):
            found = _resolved(document, part)
            if found.get("properties"):
                return found
    return schema


def _wire_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(it.title() for it in rest)
