"""A real headless browser for tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
OPTIONS = [  # of a browser that runs as root and looks for nobody but its page
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE = 20_000  # ms in which a page on a busy machine shows what it must show


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser, which is ended."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def another(browser: Browser) -> Iterator[tuple[Browser, list[psutil.Process]]]:
    """A browser beside the first, and its processes."""
    before = set(psutil.Process().children(recursive=True))
    second = browser.browser_type.launch(executable_path=CHROMIUM, args=OPTIONS)
    try:
        yield second, [child for child in psutil.Process().children(recursive=True) if child not in before]
    finally:
        second.close()


@contextmanager
def opened(browser: Browser, url: str, expected: str = "") -> Iterator[Page]:
    """A page in a context of its own; nothing in it may fail or be forbidden by its policy.

    Args:
        browser: In which it is opened.
        url: Of the page.
        expected: An error with this text is none.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    try:
        page.goto(url)
        yield page
    finally:
        context.close()
    fine = [
        "WebSocket connection to",
        *([expected] if expected else []),
    ]  # the first is said when an inspector ends
    assert not [problem for problem in problems if not any(text in problem for text in fine)]
