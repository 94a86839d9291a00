"""The API's document: complete enough to read, and true enough that inputs drawn from it break nothing."""

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.api.deployment import Deployment
from tests.conformance.rest_people import get, new_maker, new_owner, post
from tests.server_process import running_server

EXAMPLES_PER_OPERATION = 6
#: Operations that end what the others need.
LEFT_OUT = ["/api/auth/logout"]
#: Refusals without the usual body: of claims, and of links that are used up.
BARE_ANSWERS = {'"FAILURE"', '"CLAIMED"', ""}


class Site(NamedTuple):
    """A server, its maker's sign-in token, and ids of what the maker has by name of path parameter."""

    base_url: str
    token: str
    ids: dict[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with (
        running_server(tmp_path_factory.mktemp("server") / "data") as server,
        closing(new_maker(server.address)) as maker,
        closing(new_owner(maker)) as owner,
    ):
        device = post(maker, "/api/device", {"name": "lamp", "type": "lamp"})
        asset = post(maker, "/api/asset", {"name": "house", "type": "house"})
        user, whose = get(maker, "/api/auth/user"), get(owner, "/api/auth/user")
        ids = {
            "device_id": device["id"]["id"],
            "entity_id": device["id"]["id"],
            "asset_id": asset["id"]["id"],
            "asset_profile_id": asset["assetProfileId"]["id"],
            "profile_id": device["deviceProfileId"]["id"],
            "customer_id": whose["customerId"]["id"],
            "tenant_id": user["tenantId"]["id"],
            "user_id": whose["id"]["id"],
            "device_name": "lamp",
            "entity_type": "DEVICE",
        }
        yield Site(server.base_url, maker.headers["X-Authorization"], ids)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_nothing_drawn_from_the_document_is_a_server_error(site: Site, mode: GenerationMode) -> None:
    """Issue 2: no input that the document allows, and none that it forbids, is answered with 5xx."""
    document = schemathesis.openapi.from_url(f"{site.base_url}/docs/openapi.json")
    operations: list[Any] = list(document.exclude(path=LEFT_OUT).get_all_operations())
    assert len(operations) > 100
    for operation in operations:
        _try(operation.ok(), mode, site)


def _try(operation: Any, mode: GenerationMode, site: Site) -> None:
    numbers = count()

    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case: Any) -> None:
        if case.method != "DELETE" and next(numbers) % 3:
            # Made-up ids end in 404 before anything is tried.
            case.path_parameters |= {it: site.ids[it] for it in case.path_parameters if it in site.ids}
        answer = case.call(headers={"X-Authorization": site.token})
        assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"
        if answer.status_code >= 400 and answer.text not in BARE_ANSWERS:
            assert answer.json()["status"] == answer.status_code, case.as_curl_command()

    with suppress(Unsatisfiable):  # an operation without input can't be called wrongly
        call()


async def test_every_operation_is_described(deployment: Deployment) -> None:
    """Issue 2: tags, a summary and a description each; bodies come with examples."""
    document = (await deployment.call("", "GET", "/docs/openapi.json")).json()
    operations = {
        f"{method} {path}": it
        for path, methods in document["paths"].items()
        for method, it in methods.items()
    }
    assert len(operations) > 100
    bare = [
        name
        for name, it in operations.items()
        if not (it.get("tags") and it.get("summary") and it.get("description"))
    ]
    assert bare == []
    assert [
        name for name, it in operations.items() if "requestBody" in it and not _has_example(document, it)
    ] == []


async def test_the_document_is_readable(deployment: Deployment) -> None:
    """Issue 2: people read it at /docs."""
    answer = await deployment.call("", "GET", "/docs")
    assert answer.status_code == 200
    assert re.search("<title>Deedbox", answer.text)


def _has_example(document: Any, operation: Any) -> bool:
    content = next(iter(operation["requestBody"]["content"].values()))
    schema = content.get("schema", {})
    named = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
    return bool(content.get("examples") or schema.get("examples") or named.get("examples"))
