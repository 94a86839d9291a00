"""The page about permissions shows the table that decides, as it is."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from deedbox.core.access.operations import IMPLIED
from deedbox.core.access.rules import LIMITS, Rules
from deedbox.core.ids import NULL_ID
from deedbox.core.permissions import (
    RULES,
    Authority,
    Operation,
    Principal,
    Reach,
    Resource,
    Target,
    may,
)
from tests.documentation.pages import REFERENCE, table_rows

PAGE = REFERENCE / "permissions.md"
REACH = {
    Reach.ITSELF: "itself",
    Reach.OWN_CUSTOMER: "what its customer owns",
    Reach.OWN_TENANT: "its tenant's",
    Reach.ANYTHING: "anything",
}
MOST_NAMED = 4


def _names(operations: Iterable[Operation]) -> str:
    return ", ".join(f"`{operation}`" for operation in operations)


def _what(operations: list[Operation]) -> str:
    missing = [operation for operation in Operation if operation not in operations]
    if not missing:
        return "everything"
    return f"everything but {_names(missing)}" if len(missing) < MOST_NAMED else _names(operations)


def _rendered(rules: Mapping[tuple[Authority, Resource], Rules]) -> Iterator[list[str]]:
    for (authority, resource), by_operation in rules.items():
        for reach in sorted(set(by_operation.values()), reverse=True):
            operations = [operation for operation in Operation if by_operation.get(operation) is reach]
            yield [f"`{authority}`", f"`{resource}`", _what(operations), REACH[reach]]


def _check_shown(wanted: list[list[str]], first_cells: set[str]) -> None:
    shown = [row for row in table_rows(PAGE) if row[0].strip("`") in first_cells]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in wanted)
    assert shown == wanted, f"the table is now:\n{lines}"


def test_the_page_shows_the_table_that_decides() -> None:
    """Behaviour §5."""
    _check_shown(list(_rendered(RULES)), set(Authority))


def test_the_page_shows_what_roles_can_give_to_customers() -> None:
    """Behaviour §5: a tenant may grant more by role."""
    limits = {key: rules for key, rules in LIMITS.items() if key[0] is Authority.CUSTOMER_USER}
    _check_shown([["by role", *row[1:]] for row in _rendered(limits)], {"by role"})


def test_the_page_shows_what_operations_imply() -> None:
    wanted = [[f"with `{operation}`", _names(others)] for operation, others in IMPLIED.items()]
    _check_shown(wanted, {row[0].strip("`") for row in wanted})


def test_the_page_says_what_visitors_of_public_customers_may() -> None:
    tenant, customer, session = UUID(int=5), UUID(int=7), UUID(int=9)
    authority = Authority.CUSTOMER_USER
    visitor = Principal(NULL_ID, authority, tenant, customer, "", session, is_public=True)
    device = Target(Resource.DEVICE, tenant, customer, UUID(int=8))
    allowed = _names(operation for operation in Operation if may(visitor, operation, device))
    assert f"Visitors of a public customer may {allowed}" in PAGE.read_text(encoding="utf-8")
