"""Every sentence on the pages is gathered in one file, so that it can be translated."""

import re
from importlib.resources import files

import pytest

from deedbox.web.texts import text, texts
from deedbox.web.wording import state_words, value_words, when_words

_NAMED = re.compile(r"""\b(?:t|text)\(\s*"([a-z_]+\.[a-z_]+)"|"((?:error|problem|device|value)\.[a-z_]+)\"""")
#: Named by their unit only.
_BY_UNIT = {f"when.{unit}{end}" for unit in ("minute", "hour", "day") for end in ("", "s")}


def _used() -> set[str]:
    web = files("deedbox.web")
    folders = (web, web / "accounts", web / "templates")
    sources = [it for folder in folders for it in folder.iterdir()]
    found = [_NAMED.findall(it.read_text("utf-8")) for it in sources if it.name.endswith((".py", ".html"))]
    names = {one or other for pairs in found for one, other in pairs} | _BY_UNIT
    return {it for it in names if not it.endswith(".html")}


def test_every_sentence_is_there_and_used() -> None:
    """UX 1.5: no page says what the file does not hold, and the file holds nothing that no page says."""
    assert _used() == set(texts())


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("start.title_of")


AGES = [
    (-5000, "just now"), (4999, "just now"), (5000, "5 seconds ago"), (60_000, "1 minute ago"),
    (3_599_000, "59 minutes ago"), (3_600_000, "1 hour ago"), (7_200_000, "2 hours ago"),
    (86_400_000, "1 day ago"), (10 * 86_400_000, "10 days ago"),
]  # fmt: skip


@pytest.mark.parametrize(("age_ms", "words"), AGES)
def test_ages_in_words(age_ms: int, words: str) -> None:
    assert when_words(age_ms) == words


def test_values_in_words() -> None:
    assert [value_words(it) for it in (True, 7, 21.0, 1e-9, "on")] == ["yes", "7", "21", "1e-09", "on"]
    assert value_words({"a": [1, None]}) == '{"a":[1,null]}'
    assert len(value_words("x" * 500)) == 200


def test_states_in_words() -> None:
    assert state_words(None) == (False, "Waiting for its first message")
    assert state_words(119_999) == (True, "Online")
    assert state_words(120_000) == (False, "Last seen 2 minutes ago")


def test_names_in_other_scripts_leave_the_sentence_as_it_is() -> None:
    """UX 1.5: a name that reads from right to left is set apart by marks that are not seen."""
    lamp = "\u05e4\u05e0\u05e1"
    assert text("release.title", device=lamp) == f"Release \u2068{lamp}\u2069?"
    assert text("release.title", device="Lämpchen 灯") == "Release Lämpchen 灯?"
