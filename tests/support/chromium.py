"""Chromium, driven by playwright: one place that knows how it is started and when it cannot be."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUNDLE = Path(__file__).parents[2] / "web" / "static" / "index.html"
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def why_not() -> str | None:
    """Return why no page can be looked at; None if it can."""
    if executable() is None:
        return "no Chromium found: install it (Debian: apt-get install chromium)"
    if not BUNDLE.exists():
        return "the dashboard is not built: pip install --no-build-isolation --no-deps -e ."
    return None


@contextmanager
def chromium() -> Iterator[Any]:
    """Run Chromium without a window while inside the block."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGS)
        try:
            yield browser
        finally:
            browser.close()
