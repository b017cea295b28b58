"""Pages in a real browser against a real node; what the browser complains of fails the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium, why_not
from node_process import NodeProcess

HERE = Path(__file__).parent
APPEARS_MS = 10_000
WATCH_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
}).observe({ type: 'longtask', buffered: true });
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = why_not()
    for item in items:
        if HERE in item.path.parents and "visit" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


Visit = Callable[..., Any]


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    """Open an address; at the end, no page may have had an error or asked another server."""
    contexts: list[Any] = []
    wrong: list[str] = []

    def open_page(url: str, **settings: Any) -> Any:
        settings = {"locale": "en-GB", "viewport": {"width": 1440, "height": 900}} | settings
        context = browser.new_context(**settings)
        contexts.append(context)
        context.add_init_script(WATCH_TASKS)
        page = context.new_page()
        page.set_default_timeout(APPEARS_MS)
        home = "/".join(url.split("/")[:3])
        sockets = home.replace("http", "ws", 1)

        def heard(message: Any) -> None:
            if message.type in {"error", "warning"} and not page.is_expected(message.text):
                wrong.append(f"{page.url}: {message.text}")

        def asked(request: Any) -> None:
            if not request.url.startswith((home, "data:", "blob:")):
                wrong.append(f"{page.url} asked {request.url}")

        page.is_expected = lambda _: False
        page.on("console", heard)
        page.on("pageerror", lambda problem: wrong.append(f"{page.url}: {problem}"))
        page.on("request", asked)
        page.on("websocket", lambda ws: ws.url.startswith(sockets) or wrong.append(ws.url))
        page.goto(url)
        page.wait_for_selector("h1")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A running node without devices, shared by a module."""
    found = NodeProcess(tmp_path_factory.mktemp("node"))
    found.start()
    yield found
    found.kill()
    found.client.close()
