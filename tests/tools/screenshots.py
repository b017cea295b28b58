"""Takes the pictures that the README shows, of a demo that runs for this alone.

Needs Chromium and the built dashboard.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from chromium import chromium, why_not  # noqa: E402 -- it lies in the folder named just now

PICTURES = ROOT / "docs" / "pictures"
METERS = 60
DATA_S = 240.0
SETTLE_MS = 75_000
"""So long the overview's chart gathers events before its picture is taken."""
SIZE = {"width": 1280, "height": 720}
SIZE_MAX = 150_000
"""Bytes of a picture: a README should open at once."""


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo on a free port; yield its address."""
    command = [sys.executable, "-m", "hes", "demo", "--meters", str(METERS), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        found = next(match for line in lines if (match := re.search(r"http://\S+", line)))
        yield found.group()
    finally:
        process.terminate()
        process.wait(20)


def wait_for_data(url: str) -> str:
    """Wait until collection has come round; return a meter that has a load profile."""
    deadline = time.monotonic() + DATA_S
    while time.monotonic() < deadline:
        meters = httpx.get(f"{url}/api/v1/meters", params={"limit": METERS}).json()["meters"]
        for meter in meters:
            address = f"{url}/api/v1/meters/{meter['meter_id']}"
            one = httpx.get(address).json()
            if len(one["latest"]) > 10 and len(httpx.get(f"{address}/profile").json()) > 40:
                return str(meter["meter_id"])
        time.sleep(2)
    raise SystemExit("the demo brought no load profile in time")


def take(browser: Any, url: str, meter: str) -> None:
    page = browser.new_page(viewport=SIZE, color_scheme="light", locale="en-GB")
    page.goto(f"{url}/?lang=en&theme=light&zone=meters")
    page.wait_for_selector('[data-testid="tile-meters"]')
    page.wait_for_timeout(SETTLE_MS)
    save(page, "overview")
    page.goto(f"{url}/meters/{meter}")
    page.wait_for_selector('[data-testid="profile"] canvas')
    page.click('[data-testid="read-now"]')
    page.wait_for_selector('[data-testid="result"] .v-alert--variant-tonal >> text=/values read/')
    page.wait_for_timeout(2500)
    save(page, "meter")
    take_commands(page)
    for name in ("audit", "system"):
        page.goto(f"{url}/{name}")
        page.wait_for_selector("h1")
        page.wait_for_timeout(2500)
        save(page, name)
    # The picture shows what the page is for: somebody lets an actor die, and it is back at once.
    path = f"/main/meters/{meter}"
    httpx.post(f"{url}/api/v1/tree/restart", json={"path": path}).raise_for_status()
    page.goto(f"{url}/tree")
    page.click('[data-path="/main/meters"] button.toggle')
    page.click(f'[data-path="{path}"] button.name')
    page.wait_for_timeout(1500)
    save(page, "tree")


def take_commands(page: Any) -> None:
    """Cut a customer off and connect him again, on the page of the meter that is open."""
    done = '[data-testid="order-note"] .v-alert >> text='
    for what, why in (("disconnect", "unpaid bill, order 4711"), ("connect", "paid today")):
        page.click(f'[data-testid="relay-{what}"]')
        page.fill('[data-testid="reason"] input', why)
        page.check('[data-testid="meant"] input')
        page.click('[data-testid="confirm"]')
        page.wait_for_selector(f"{done}/The relay is/")
        page.wait_for_timeout(1500)
    page.click("text=go to the commands")
    page.wait_for_timeout(1500)
    save(page, "commands")


def save(page: Any, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)}: {size} bytes\n")
    if size > SIZE_MAX:
        raise SystemExit(f"{path.name} is {size} bytes; at most {SIZE_MAX}")


def main() -> None:
    reason = why_not()
    if reason is not None:
        raise SystemExit(reason)
    with demo() as url, chromium() as browser:
        take(browser, url, wait_for_data(url))


if __name__ == "__main__":
    main()
