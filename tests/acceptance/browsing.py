"""A real Chromium for tests, as a phone: notes every address that it asks for; asks axe about a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

#: Other tests may keep the machine busy.
_PATIENCE_MS = 60_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE: Any = {"width": 390, "height": 844}
SMALL_PHONE: Any = {"width": 320, "height": 568}
DESKTOP: Any = {"width": 1280, "height": 800}


class Visit(NamedTuple):
    """A page in a browser of its own, and what it did: addresses asked for, complaints of its console."""

    page: Page
    addresses: list[str]
    complaints: list[str]


@contextmanager
def visiting(**context: Any) -> Iterator[Visit]:
    """Open a phone's browser; `context` is playwright's, as `java_script_enabled=False`."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        page = browser.new_context(viewport=PHONE, ignore_https_errors=True, **context).new_page()
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        visit = Visit(page, [], [])
        page.on("request", lambda request: visit.addresses.append(request.url))
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("console", lambda line: visit.complaints.append(line.text) if line.type == "error" else None)
        try:
            yield visit
        finally:
            browser.close()


def assert_accessible(page: Page) -> None:
    """Fail on what axe finds in light and dark, and on anything wider than a small phone."""
    for scheme in ("light", "dark"):
        for size in (SMALL_PHONE, DESKTOP):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page, options={"runOnly": _RULES})
            assert found.violations_count == 0, f"{page.url} {scheme}\n{found.generate_report()}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{page.url} is {width} pixels wide"
    page.set_viewport_size(PHONE)
