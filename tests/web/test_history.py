"""Pages of the event log: every event once, whichever way one goes."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from hes.events.command import AlarmAcknowledged
from hes.events.voltage import OverVoltageCleared
from hes.store.port import Append

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@pytest.fixture
def told(site: Any) -> list[tuple[int, str, str]]:
    """Return position, stream and type of thirty events in three streams."""
    calm = OverVoltageCleared(received_at=NOW, phase="L1", voltage_v=231.5, limit_v=253.0)
    seen = AlarmAcknowledged(received_at=NOW, alarm="7", actor="an")
    kinds = {"meter:1": calm, "meter:2": seen, "modem:861": seen}
    for stream in [*kinds] * 10:
        site.node.append(stream, kinds[stream])
    return [
        (position, stream, kinds[stream].topic)
        for position, stream in enumerate([*kinds] * 10, start=1)
    ]


async def walk(http: httpx.AsyncClient, query: str, cursor: str) -> list[tuple[int, str, str]]:
    """Return everything by following ``next``."""
    found: list[tuple[int, str, str]] = []
    at = ""
    while True:
        page = (await http.get(f"/api/v1/events?{query}{at}")).json()
        assert page["head"] == 30
        found += [(event["position"], event["stream"], event["type"]) for event in page["events"]]
        if page["next"] is None:
            return found
        at = f"&{cursor}={page['next']}"


@pytest.mark.parametrize("limit", [1, 3, 7, 29, 30, 31])
async def test_following_next_gives_every_event_once(
    http: httpx.AsyncClient, told: Any, limit: int
) -> None:
    assert await walk(http, f"limit={limit}", "after") == told
    assert await walk(http, f"limit={limit}&order=desc", "before") == told[::-1]


@pytest.mark.parametrize("limit", [1, 4, 10])
async def test_a_stream_is_walked_by_positions_too(
    http: httpx.AsyncClient, told: Any, limit: int
) -> None:
    mine = [event for event in told if event[1] == "meter:2"]
    query = f"stream=meter:2&limit={limit}"
    assert await walk(http, query, "after") == mine
    assert await walk(http, query + "&order=desc", "before") == mine[::-1]


async def test_after_is_a_position_even_where_the_stream_has_no_event(
    http: httpx.AsyncClient, told: Any
) -> None:
    page = (await http.get("/api/v1/events?stream=meter:2&after=12")).json()
    assert [event["position"] for event in page["events"]] == [14, 17, 20, 23, 26, 29]


@pytest.mark.parametrize("kind", ["OverVoltageCleared", "OverVoltageCleared/1"])
async def test_a_type_is_found_with_or_without_its_version(
    http: httpx.AsyncClient, told: Any, kind: str
) -> None:
    mine = [event for event in told if event[2] == "OverVoltageCleared/1"]
    assert await walk(http, f"type={kind}&limit=3", "after") == mine


async def test_a_search_stops_after_some_rows_and_next_leads_on(
    http: httpx.AsyncClient, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.history.SCAN_MAX", 5)
    page = (await http.get("/api/v1/events?type=NodeStarted")).json()
    assert (page["events"], page["next"]) == ([], 5)
    assert await walk(http, "type=NodeStarted", "after") == []


async def test_an_event_is_shown_in_the_form_for_people(http: httpx.AsyncClient, told: Any) -> None:
    [event] = (await http.get("/api/v1/events?limit=1")).json()["events"]
    assert event["data"] == {"phase": "L1", "voltage_v": 231.5, "limit_v": 253.0}
    assert event["received_at"] == "2026-11-24T05:00:00+00:00"


async def test_a_damaged_event_does_not_hide_its_neighbours(
    site: Any, http: httpx.AsyncClient, told: Any
) -> None:
    site.node.event_log.append([Append("meter:1", None, [("Nonsense/9", b"\xc1")])], [])
    page = (await http.get("/api/v1/events?order=desc&limit=2")).json()
    assert page["events"][0]["data"] is None
    assert "Nonsense/9" in page["events"][0]["problem"]
    assert page["events"][1]["data"] is not None
