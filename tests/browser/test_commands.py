"""Commands to a meter from its page: asked with a reason, followed as they go, told in the log."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calling_meter import CallingMeter, calling_meter
from node_process import NodeProcess

from hes.fleet.dlms_classes.image import SOUND

NOTE = '[data-testid="order-note"]'
DONE = f"{NOTE} .v-alert >> text="
PANEL = "#commands-panel"


@pytest.fixture
def meter(node: NodeProcess) -> Iterator[CallingMeter]:
    with calling_meter(node, seed=11) as found:
        found.answer()
        yield found


def commands(visit: Any, node: NodeProcess, meter: CallingMeter, **settings: Any) -> Any:
    page = visit(f"{node.url}/meters/{meter.serial}?lang=en&theme=light", **settings)
    page.wait_for_selector('[data-testid="commands"]')
    return page


def audit(node: NodeProcess, meter: CallingMeter, **more: Any) -> list[dict[str, Any]]:
    node.settled()
    found: list[dict[str, Any]]
    found = node.get("/api/v1/audit", stream=f"meter:{meter.serial}", **more)["entries"]
    return found


def test_a_customer_is_cut_off_only_with_a_reason_and_when_it_is_meant(
    node: NodeProcess, visit: Any, meter: CallingMeter
) -> None:
    page = commands(visit, node, meter)
    page.click('[data-testid="relay-state"]')
    page.wait_for_selector(f"{DONE}The relay is closed")
    page.click('[data-testid="relay-disconnect"]')
    page.wait_for_selector("text=without supply until somebody connects")
    assert page.is_disabled('[data-testid="confirm"]')
    page.fill('[data-testid="reason"] input', "   ")
    page.check('[data-testid="meant"] input')
    assert page.is_disabled('[data-testid="confirm"]')
    page.fill('[data-testid="reason"] input', "unpaid bill")
    page.uncheck('[data-testid="meant"] input')
    assert page.is_disabled('[data-testid="confirm"]')
    page.check('[data-testid="meant"] input')
    page.click('[data-testid="confirm"]')
    page.wait_for_selector(f"{DONE}The relay is open")
    page.wait_for_selector(f"{NOTE} li:has-text('Relay switched')")
    page.wait_for_selector('[data-testid="order-log"] >> text=because: unpaid bill')
    [switched] = audit(node, meter, kind="RelaySwitched")
    assert (switched["argument"], switched["why"]) == ("disconnected", "unpaid bill")


def test_nothing_is_sent_when_somebody_thinks_better_of_it(
    node: NodeProcess, visit: Any, meter: CallingMeter
) -> None:
    before = len(audit(node, meter))
    page = commands(visit, node, meter)
    page.click('[data-testid="relay-connect"]')
    page.fill('[data-testid="reason"] input', "back again")
    page.keyboard.press("Escape")
    page.wait_for_selector('[data-testid="order-dialog"]', state="hidden")
    assert len(audit(node, meter)) == before


def test_a_setting_is_read_changed_and_read_back(
    node: NodeProcess, visit: Any, meter: CallingMeter
) -> None:
    page = commands(visit, node, meter)
    page.click('[data-testid="tab-limiter"]')
    page.click('[data-testid="settings-read"]')
    page.wait_for_selector(f"{PANEL} dl >> text=/[\\d,]+ W/")
    page.fill('[data-testid="field-min_over_s"] input', "1.5")
    page.wait_for_selector("text=This is no such number.")
    assert page.is_disabled('[data-testid="settings-set"]')
    page.fill('[data-testid="field-min_over_s"] input', "95")
    page.press('[data-testid="field-min_over_s"] input', "Enter")
    page.wait_for_selector('[data-testid="order-dialog"] td >> text=95')
    page.fill('[data-testid="reason"] input', "new contract")
    page.press('[data-testid="reason"] input', "Enter")
    page.wait_for_selector(f"{DONE}Changed, and read back")
    assert "95" in page.inner_text(f"{PANEL} dl")
    assert [row["what"] for row in audit(node, meter, kind="MeterConfigured")] == ["limiter"]


def test_firmware_is_loaded_and_followed_also_after_leaving_the_page(
    node: NodeProcess, visit: Any, meter: CallingMeter, tmp_path: Path
) -> None:
    image = tmp_path / "FW-2.1"
    image.write_bytes(SOUND + bytes(range(256)) * 8)
    page = commands(visit, node, meter)
    page.click('[data-testid="tab-firmware"]')
    page.set_input_files('[data-testid="firmware-file"] input', str(image))
    page.click('[data-testid="firmware-load"]')
    page.fill('[data-testid="reason"] input', "mends the clock")
    page.check('[data-testid="meant"] input')
    page.click('[data-testid="confirm"]')
    page.wait_for_selector('[data-testid="image"] >> text=FW-2.1')
    # The simulated meter restarts for longer than a test should wait.
    state = '[data-testid="image"]:is([data-state="restarting"], [data-state="activated"])'
    page.wait_for_selector(state, timeout=30_000)
    assert "mends the clock" in page.inner_text('[data-testid="image"]')
    assert "2.0 KiB / 2.0 KiB" in page.inner_text('[data-testid="image"]')
    page.reload()
    page.click('[data-testid="tab-firmware"]')
    page.wait_for_selector(f"{state} >> text=FW-2.1")


def test_commands_work_from_the_keyboard(
    node: NodeProcess, visit: Any, meter: CallingMeter
) -> None:
    page = commands(visit, node, meter)
    page.click("text=go to the commands")
    assert page.evaluate("document.activeElement.id") == "tab-relay"
    for key, focused in [("ArrowDown", "limiter"), ("End", "firmware"), ("ArrowRight", "relay")]:
        page.keyboard.press(key)
        page.wait_for_function(f"document.activeElement.id === 'tab-{focused}'")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.activeElement.id === 'tab-diagnose'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{PANEL} dl >> text=SIM-NET")


def test_a_meter_out_of_reach_says_why_and_what_to_do_in_both_languages(
    node: NodeProcess, visit: Any, meter: CallingMeter
) -> None:
    meter.hang_up()
    page = commands(visit, node, meter)
    page.is_expected = lambda text: "409" in text or "502" in text
    page.click('[data-testid="relay-state"]')
    page.wait_for_selector(f"{DONE}/ask again when/")
    page.click('[data-testid="lang-switch"]')
    page.wait_for_selector("h2:text-is('Điều khiển')")
    page.click('[data-testid="relay-state"]')
    page.wait_for_selector(f"{DONE}/hãy thử lại khi modem/")


def test_a_narrow_vietnamese_page_shows_every_command_whole(
    node: NodeProcess, visit: Any, meter: CallingMeter
) -> None:
    url = f"{node.url}/meters/{meter.serial}?lang=vi&theme=dark"
    page = visit(url, viewport={"width": 360, "height": 800})
    page.wait_for_selector('[data-testid="commands"]')
    for tab in page.query_selector_all('[role="tab"]'):
        tab.click()
        page.wait_for_timeout(150)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    words = page.inner_text('[data-testid="commands"]')
    assert not re.findall(r"\b(?:orders|fact|relay|firmware)\.\w+", words)
