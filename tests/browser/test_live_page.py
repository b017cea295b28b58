"""What meters send appears by itself, soon; what was kept raw is shown as such."""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest
from calling_meter import CallingMeter, calling_meter
from node_process import NodeProcess

IMPORT_TOTAL = "1.0.1.8.0.255"
ROW = f'[data-testid="registers"] tr[data-obis="{IMPORT_TOTAL}"]'
WITHIN_S = 1.0


@pytest.fixture
def caller(node: NodeProcess) -> Iterator[CallingMeter]:
    with calling_meter(node) as found:
        yield found


def test_a_pushed_reading_appears_within_a_second(
    node: NodeProcess, visit: Any, caller: CallingMeter
) -> None:
    page = visit(f"{node.url}/meters/{caller.serial}")
    page.wait_for_selector("text=No register values yet")
    overview = visit(node.url)
    overview.wait_for_selector('[data-testid="tile-meters"]')
    page.evaluate("window.stays = true")
    begun = perf_counter()
    caller.push()
    page.wait_for_selector(ROW, timeout=5_000)
    took_s = perf_counter() - begun
    assert took_s < WITHIN_S
    value = page.inner_text(f"{ROW} >> td:nth-child(2)")
    stored = node.get(f"/api/v1/meters/{caller.serial}/readings", obis=IMPORT_TOTAL)
    assert value.replace(",", "") == stored[-1]["value"]
    assert page.evaluate("window.stays"), "the page was loaded anew"
    overview.wait_for_selector(f'[data-testid="event"] >> text=meter:{caller.serial}')
    overview.wait_for_selector('[data-testid="tile-meters"]:has-text("1 / 1")')


def test_a_message_that_nobody_can_read_is_shown_as_kept_raw(
    node: NodeProcess, visit: Any, caller: CallingMeter
) -> None:
    page = visit(f"{node.url}/meters/{caller.serial}")
    page.wait_for_selector("h1")
    # A DataNotification whose body is a bare list of two numbers: nothing says of what.
    body = bytes.fromhex("0f00000001" + "00" + "0202" + "0600000001" + "0600000002")
    caller.socket.sendall(bytes.fromhex("000100010001") + len(body).to_bytes(2, "big") + body)
    page.wait_for_selector('[data-testid="kept"] >> text=kept raw, not decoded', timeout=10_000)
    page.click('[data-testid="kept"] summary')
    assert "0f 00 00 00 01" in page.inner_text('[data-testid="kept"] pre')


def test_the_clock_is_checked_and_the_result_told(
    node: NodeProcess, visit: Any, caller: CallingMeter
) -> None:
    caller.answer()
    page = visit(f"{node.url}/meters/{caller.serial}")
    page.click('[data-testid="check-clock"]')
    page.wait_for_selector('[data-testid="result"] >> text=/The clock is .* s (ahead|behind)/')
    page.click('[data-testid="read-now"]')
    page.wait_for_selector('[data-testid="result"] >> text=/values read/')
