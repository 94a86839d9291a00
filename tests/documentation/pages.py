"""The documentation as the tests see it: pages, their blocks of code, tables, links and headings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.architecture.repository import ROOT, git_files

DOCUMENTS = ROOT / "docs"
REFERENCE = DOCUMENTS / "reference"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: \S.*? -->\n\Z", re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
_CODE_SPAN = re.compile(r"`[^`\n]*`")


class Block(NamedTuple):
    """Fenced text of a page; `is_run` unless a comment right before it says why it can't be."""

    page: str
    line: int
    language: str
    text: str
    is_run: bool


def pages() -> list[Path]:
    """All Markdown files of the repository, committed or about to be."""
    return [it for it in git_files("--cached", "--others", "--exclude-standard") if it.suffix == ".md"]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(
            name,
            text.count("\n", 0, it.start()) + 1,
            it[1],
            it[2],
            not _NOT_RUN.search(text[: it.start()]),
        )
        for it in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def table_rows(page: Path) -> Iterator[list[str]]:
    """The cells of every row of every table, heads and rulers too."""
    for line in prose(page).splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def first_cells(page: Path) -> list[str]:
    """What the rows of tables begin with, where that is code: without the backticks."""
    cells = [row[0] for row in table_rows(page)]
    return [cell.strip("`") for cell in cells if re.fullmatch(r"`[^`]+`", cell)]


def links(page: Path) -> list[str]:
    """The targets of a page's links; code is not looked at."""
    return _LINK.findall(_CODE_SPAN.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The fragments that lead to headings of a page, as GitHub makes them."""
    headings = [it.lower().replace("`", "") for it in _HEADING.findall(prose(page))]
    return {re.sub(r"[^\w\- ]", "", it).replace(" ", "-") for it in headings}
