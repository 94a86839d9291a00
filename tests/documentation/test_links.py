"""Links within the repository lead somewhere: to a file that is there and to a heading in it."""

from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, git_files
from tests.documentation.pages import DOCUMENTS, anchors, links, pages


def _dead(page: Path) -> list[str]:
    kept = set(git_files("--cached", "--others", "--exclude-standard"))
    dead = []
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_there = target in kept
        if not is_there or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", pages(), ids=lambda it: it.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert not _dead(page)


def test_every_page_is_reached_from_the_map() -> None:
    reached, waiting = set(), [DOCUMENTS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        waiting += [
            (page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link
        ]
    template = DOCUMENTS / "decisions" / "0000-template.md"
    assert set(DOCUMENTS.rglob("*.md")) - reached - {template} == set()
