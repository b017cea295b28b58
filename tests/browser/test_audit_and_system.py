"""The audit log and the system page in a real browser."""

from typing import Any

import pytest
from node_process import NodeProcess

DEVICES = "meter_id,modem_id,protocol,framing,auth,area\n"
ROW = '[data-testid="audit-row"]'


@pytest.fixture(scope="module", autouse=True)
def devices(node: NodeProcess) -> None:
    rows = [f"{n},9001,dlms,wrapper,none,North\n" for n in range(2001, 2131)]
    node.import_csv(DEVICES + "".join(rows))
    # Nobody is there to answer: two entries that have failed.
    node.post("/api/v1/meters/2001/relay", {"action": "connect", "reason": "moved in"})
    node.settled()


def test_who_wanted_what_is_filtered_paged_and_saved(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/audit?lang=en")
    page.wait_for_selector(f'{ROW}:has-text("moved in")')
    assert page.locator(ROW).count() == 100
    page.click('[data-testid="older"]')
    page.wait_for_function(f"document.querySelectorAll('{ROW}').length > 130")
    page.fill('[data-testid="stream"] input', "2001")
    page.keyboard.press("Enter")
    page.wait_for_function(f"document.querySelectorAll('{ROW}').length < 10")
    assert "stream=meter:2001" in page.url
    page.wait_for_selector(f'{ROW}:has-text("Device registered")')
    assert page.locator(f'{ROW}:has-text("Device registered")').count() == 1
    page.fill('[data-testid="actor"] input', "nobody")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=No entries.")
    page.click("text=Clear the filters")
    page.wait_for_function(f"document.querySelectorAll('{ROW}').length === 100")
    with page.expect_download() as saved:
        page.click('[data-testid="csv"]')
    text = saved.value.path().read_text("utf-8-sig")
    assert text.startswith("position,received_at,kind,actor,stream,what")
    assert "moved in" in text


def test_days_that_are_over_hold_nothing_and_today_holds_all(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/audit?lang=en&to=2020-01-31")
    page.wait_for_selector("text=No entries.")
    page = visit(f"{node.url}/audit?lang=en&from=2020-02-01")
    page.wait_for_selector(ROW)
    page.click(f'{ROW}:has-text("moved in") button')
    page.wait_for_selector('[data-testid="raw"] >> text=/"reason": "moved in"/')


def test_the_node_shows_how_it_is(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/system?lang=en")
    page.wait_for_selector('[data-testid="tile-store"] >> text=in order')
    page.wait_for_selector('[data-testid="live-indicator"][data-state="live"]')
    assert "SQLite" in page.inner_text('[data-testid="tile-store"]')
    assert "MiB" in page.inner_text('[data-testid="tile-memory"]')
    assert f"127.0.0.1:{node.modems}" in page.inner_text('[data-testid="listeners"]')
    page.click('[data-model="latest"] [data-testid="compare"]')
    page.wait_for_selector("text=latest is right")


def test_a_model_is_made_anew_only_when_that_is_confirmed(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/system?lang=vi")
    page.click('[data-model="kept"] button:has-text("Dựng lại")')
    page.wait_for_selector('[data-testid="order-dialog"]')
    page.click('[data-testid="order-dialog"] button:has-text("Hủy")')
    page.wait_for_selector('[data-testid="order-dialog"]', state="hidden")
    page.click('[data-model="kept"] button:has-text("Dựng lại")')
    page.click('[data-testid="confirm"]')
    page.wait_for_selector("text=kept đã được dựng lại")
