"""Pages: what may be asked, and where a page begins when the one before is known."""

from uuid import UUID

import pytest

from deedbox.core.errors import InvalidValue
from deedbox.core.paging import SKIPPED_AT_MOST, PageKey, PageMemory, PageRequest, page_request

WALK = b"somebody's way"
KEY = PageKey("last name", UUID(int=7))


@pytest.mark.parametrize(
    ("number", "size", "order", "search", "pointer"),
    [
        (-1, 10, "", "", "/page"),
        (0, 0, "", "", "/pageSize"),
        (0, 1001, "", "", "/pageSize"),
        (0, 10, "SIDEWAYS", "", "/sortOrder"),
        (0, 10, "", "x" * 256, "/textSearch"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(
    number: int, size: int, order: str, search: str, pointer: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        page_request(number, size, "", order, search)
    assert refused.value.pointer == pointer


def test_a_request_has_the_defaults_of_clients_that_say_nothing() -> None:
    assert page_request(0, 10, "", "", " part ") == PageRequest(0, 10, "createdTime", False, "part")
    assert page_request(3, 1000, "name", "desc", "").descending


def test_the_next_page_continues_where_the_last_one_ended() -> None:
    memory = PageMemory()
    memory.remember(WALK, PageRequest(0, 10), KEY)
    assert (
        memory.slice_of(WALK, PageRequest(1, 10)).after,
        memory.slice_of(WALK, PageRequest(1, 10)).skip,
    ) == (
        KEY,
        0,
    )


def test_a_jump_steps_over_the_rows_after_the_nearest_known_place() -> None:
    memory = PageMemory()
    memory.remember(WALK, PageRequest(0, 10), KEY)
    asked = memory.slice_of(WALK, PageRequest(4, 10))
    assert (asked.after, asked.skip) == (KEY, 30)


def test_the_first_page_never_begins_elsewhere() -> None:
    memory = PageMemory()
    memory.remember(WALK, PageRequest(0, 10), KEY)
    assert memory.slice_of(WALK, PageRequest(0, 10)).after is None


def test_a_page_far_from_any_known_place_is_refused() -> None:
    far = PageRequest(SKIPPED_AT_MOST, 10)
    with pytest.raises(InvalidValue, match="too far"):
        PageMemory().slice_of(WALK, far)


def test_the_walk_that_rested_longest_is_forgotten() -> None:
    memory = PageMemory(most_walks=2)
    for walk in (b"1", b"2", b"1", b"3"):
        memory.remember(walk, PageRequest(0, 10), KEY)
    assert memory.slice_of(b"1", PageRequest(1, 10)).skip == 0
    assert memory.slice_of(b"2", PageRequest(1, 10)).skip == 10


def test_the_end_of_a_list_is_no_place_to_continue() -> None:
    memory = PageMemory()
    memory.remember(WALK, PageRequest(0, 10), None)
    assert memory.slice_of(WALK, PageRequest(1, 10)).skip == 10
