"""One statement that says what it can be sorted by becomes a page statement for each order."""

from deedbox.storage.paged_statements import page_statement, variants
from deedbox.storage.statements import sortable, statements

LIST = (
    "-- pages by: createdTime id, title title?\nselect id, title from customer where tenant_id = :tenant_id"
)


def test_a_statement_without_the_header_stays_alone() -> None:
    assert dict(variants("plain", "select 1")) == {"plain": "select 1"}


def test_a_list_gets_its_counting_and_a_page_per_order() -> None:
    made = dict(variants("customers", LIST))
    assert len(made) == 2 + 2 * 2 * 2
    assert ":most" in made["customers.count"]


def test_a_page_continues_after_its_key_in_the_same_order() -> None:
    made = dict(variants("customers", LIST))
    name = page_statement("customers", "title", descending=True, keyed=True)
    assert "(coalesce(listed.title, ''), listed.id) < (:after_value, :after_id)" in made[name]
    assert "order by coalesce(listed.title, '') desc, listed.id desc" in made[name]


def test_time_of_creation_is_the_order_of_ids() -> None:
    made = dict(variants("customers", LIST))
    name = page_statement("customers", "createdTime", descending=False, keyed=True)
    assert made[name].endswith("where listed.id > :after_id order by listed.id asc limit :size offset :skip")


def test_every_list_can_be_sorted_by_creation() -> None:
    lists = [name.removesuffix(".count") for name in statements() if name.endswith(".count")]
    assert all("createdTime" in sortable(name) for name in lists)
