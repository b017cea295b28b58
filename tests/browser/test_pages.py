"""Every page loads, speaks two languages, works from the keyboard, and can be read by everybody."""

from typing import Any

import pytest
from node_process import NodeProcess

PATHS = [
    "/", "/meters", "/meters/1001", "/meters/none", "/alarms", "/modems", "/modems/9001", "/tree",
    "/events", "/audit", "/system",
]  # fmt: skip
WITH_CHARTS = ["/", "/meters/1001"]
NARROW = {"width": 400, "height": 860}
DEVICES = "meter_id,modem_id,protocol,framing,auth,area\n1001,9001,dlms,wrapper,none,North\n"
# Text against what lies behind it, after WCAG 2.1, 1.4.3: 4.5, or 3 for large text.
CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return text.startsWith('color(srgb') ? [...n.slice(0, 3).map((v) => v * 255), n[3] ?? 1] : [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const chain = (element) => { const found = []; for (let e = element; e; e = e.parentElement) found.unshift(e); return found; };
  const bad = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!own || !box.width || !box.height || element.closest('.sr, .skip, :disabled, .v-label, [aria-hidden=true]')) continue;
    const style = getComputedStyle(element);
    if (style.visibility === 'hidden') continue;
    let back = [255, 255, 255], opacity = 1;
    for (const e of chain(element)) {
      const s = getComputedStyle(e);
      opacity *= Number(s.opacity);
      back = over(parse(s.backgroundColor), back);
      const under = e.querySelector(':scope > .v-chip__underlay, :scope > .v-btn__underlay, :scope > .v-alert__underlay');
      if (under) { const u = getComputedStyle(under); const c = parse(u.backgroundColor); back = over([c[0], c[1], c[2], c[3] * Number(u.opacity)], back); }
    }
    const ink = parse(style.color);
    const front = over([ink[0], ink[1], ink[2], ink[3] * opacity], back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className} "${element.textContent.trim().slice(0, 40)}"`);
  }
  return bad;
}"""  # noqa: E501 -- a program of its own
NAMELESS = """() => {
  const bad = [];
  for (const element of document.querySelectorAll('a[href], button, input, select, textarea, [role=grid], [role=img], [tabindex="0"]')) {
    if (!element.getBoundingClientRect().width || element.closest('[aria-hidden=true]')) continue;
    const name = element.getAttribute('aria-label') || element.getAttribute('aria-labelledby') || element.textContent.trim()
      || [...(element.labels ?? [])].map((label) => label.textContent.trim()).join('');
    if (!name && element.tagName !== 'PRE') bad.push(element.outerHTML.slice(0, 160));
  }
  return bad;
}"""  # noqa: E501 -- a program of its own


@pytest.fixture(scope="module", autouse=True)
def devices(node: NodeProcess) -> None:
    assert node.import_csv(DEVICES)["imported"] == 1
    node.settled()


def can_be_read(page: Any) -> None:
    page.wait_for_timeout(300)
    assert page.locator("h1").count() == 1
    assert page.title().endswith(" HES")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_and_can_be_read_by_day_and_by_night(
    node: NodeProcess, visit: Any, path: str
) -> None:
    page = visit(f"{node.url}{path}?theme=light")
    page.wait_for_selector('[data-testid="live-indicator"][data-state="live"]')
    can_be_read(page)
    page.click('[data-testid="theme-switch"]')
    page.wait_for_selector(".v-theme--dark")
    can_be_read(page)


@pytest.mark.parametrize("path", WITH_CHARTS)
def test_a_page_that_begins_dark_can_be_read(node: NodeProcess, visit: Any, path: str) -> None:
    page = visit(f"{node.url}{path}?theme=dark")
    page.wait_for_selector('[data-testid="live-indicator"][data-state="live"]')
    can_be_read(page)


@pytest.mark.parametrize("path", PATHS)
def test_a_narrow_page_needs_no_sideways_scrolling(
    node: NodeProcess, visit: Any, path: str
) -> None:
    page = visit(f"{node.url}{path}?lang=vi", viewport=NARROW)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_the_language_can_be_changed_and_is_remembered(node: NodeProcess, visit: Any) -> None:
    page = visit(node.url)
    assert page.inner_text("h1") == "Overview"
    page.click('[data-testid="lang-switch"]')
    page.wait_for_selector("h1:text-is('Tổng quan')")
    assert page.evaluate("document.documentElement.lang") == "vi"
    page.goto(f"{node.url}/meters")
    page.wait_for_selector("h1:text-is('Công tơ')")
    assert "Overview" not in page.inner_text("body")


def test_the_theme_can_be_changed(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/?theme=light")
    shade = "getComputedStyle(document.querySelector('.v-application')).backgroundColor"
    before = page.evaluate(shade)
    page.click('[data-testid="theme-switch"]')
    page.wait_for_selector(".v-theme--dark")
    assert page.evaluate(shade) != before


def test_the_first_tab_leads_past_the_navigation(node: NodeProcess, visit: Any) -> None:
    page = visit(node.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_an_unknown_meter_tells_the_next_step(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/meters/none")
    page.wait_for_selector("text=There is no meter none.")
    page.wait_for_selector("text=hes devices import")


def test_a_meter_whose_modem_is_away_says_so(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/meters/1001")
    page.is_expected = lambda text: "409" in text  # the browser tells every status above 399
    page.click('[data-testid="read-now"]')
    page.wait_for_selector('[data-testid="result"] >> text=9001')
    assert "v-alert" in page.inner_html('[data-testid="result"]')
    assert page.is_enabled('[data-testid="read-now"]')


def test_the_history_of_a_stream_with_the_whole_event_on_demand(
    node: NodeProcess, visit: Any
) -> None:
    page = visit(f"{node.url}/events?stream=meter:1001")
    page.wait_for_selector('[data-testid="event"] >> text=Device registered')
    assert page.locator('[data-testid="event"] >> text=Node started').count() == 0
    assert page.locator('[data-testid="raw"]').count() == 0
    page.click('[data-testid="event"]:has-text("Device registered") button')
    assert '"modem_id": "9001"' in page.inner_text('[data-testid="raw"]')
    page.fill('[data-testid="stream"] input', "node:main")
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-testid="event"] >> text=Node started')
    assert page.url.endswith("stream=node:main")


def test_a_lost_connection_is_shown_and_mended(node: NodeProcess, visit: Any) -> None:
    page = visit(f"{node.url}/alarms")
    page.wait_for_selector('[data-testid="live-indicator"][data-state="live"]')
    page.is_expected = lambda _: True  # the browser tells of every attempt
    node.kill()
    page.wait_for_selector("text=The connection to the head-end is lost")
    node.start()
    page.wait_for_selector('[data-testid="live-indicator"][data-state="live"]', timeout=20_000)
    assert page.locator("text=The connection to the head-end is lost").count() == 0
