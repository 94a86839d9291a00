"""The page about REST names every route of the application, and nothing that is not there."""

import re
from pathlib import Path
from typing import Any

from deedbox.api.routes import ROUTES
from deedbox.core.ids import NULL_ID
from tests.api.deployment import Deployment, make_template, opened_deployment
from tests.documentation.pages import REFERENCE, first_cells, table_rows

PAGE = REFERENCE / "rest.md"
WHO = {"S": "root", "T": "maker", "C": "alice"}


def _plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _served() -> set[str]:
    return {
        f"{method} {_plain(path)}"
        for route in ROUTES
        for path in route.paths  # type: ignore[union-attr]
        for method in route.http_methods  # type: ignore[union-attr]
    }


def _documented() -> list[tuple[str, str, str]]:
    """Method, path and who may, of every row."""
    rows = [(row[0].strip("`"), row[1]) for row in table_rows(PAGE) if row[0].startswith("`")]
    return [(*request.split(" ", 1), who) for request, who in rows]  # type: ignore[misc]


def test_every_route_is_documented_once() -> None:
    documented = [_plain(row) for row in first_cells(PAGE)]
    assert sorted(documented) == sorted(set(documented))
    assert set(documented) == _served()


def test_every_row_says_who_may() -> None:
    unclear = [row for row in _documented() if not re.fullmatch(r"anybody|[ST](?: [STC]\*?)*|C", row[2])]
    assert not unclear


async def _statuses(deployment: Deployment, who: str) -> dict[str, int]:
    """What every row's request is answered, sent by this user about things that are not there."""
    found = {}
    # Signing out comes last: it would spoil the others.
    for method, path, _ in sorted(_documented(), key=lambda it: it[1].endswith("/logout")):
        where = re.sub(r"\{entityType\}", "DEVICE", path).replace("{scope}", "SERVER_SCOPE")
        where = re.sub(r"\{ttl\}", "60", where)
        where = re.sub(r"\{[^}]*\}", str(NULL_ID), where)
        body: dict[str, Any] = {} if method == "GET" else {"json": {}}
        answer = await deployment.call(who, method, where, **body)
        found[f"{method} {path}"] = answer.status_code
    return found


async def test_nobody_else_may_than_the_page_says(tmp_path: Path) -> None:
    await make_template(tmp_path / "data")
    async with opened_deployment(tmp_path / "data") as deployment:
        nobody = await _statuses(deployment, "")
        others = {letter: await _statuses(deployment, who) for letter, who in WHO.items()}
    for method, path, allowed in _documented():
        request = f"{method} {path}"
        if allowed == "anybody":
            assert nobody[request] in {200, 303, 400, 401, 404, 409}, request
            continue
        assert nobody[request] in {400, 401}, request
        for letter, statuses in others.items():
            if letter not in allowed:
                assert statuses[request] >= 400, f"{letter}: {request}"
            elif method == "GET" and "{" not in path:
                assert statuses[request] != 403, f"{letter}: {request}"
