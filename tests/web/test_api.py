"""Every route: what it answers when all is well, in the declared shape."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import msgspec
import pytest

from hes.commands import CheckClock, ReadProfile, ReadRegisters
from web import shapes
from web.app import find_endpoints

SIMPLE = [endpoint for endpoint in find_endpoints() if endpoint.method == "GET"]
PATH_PARTS = {"{meter_id}": "1", "{modem_id}": "861"}


def decoded(response: httpx.Response, shape: Any) -> Any:
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=shape)


@pytest.mark.parametrize("endpoint", SIMPLE, ids=lambda endpoint: endpoint.path)
async def test_every_reading_route_answers_in_its_declared_shape(
    endpoint: Any, http: httpx.AsyncClient
) -> None:
    path = endpoint.path
    for part, value in PATH_PARTS.items():
        path = path.replace(part, value)
    response = await http.get(path)
    assert response.status_code == 200, response.text
    if isinstance(endpoint.answer, str):
        assert response.headers["content-type"].startswith(endpoint.answer)
    else:
        assert msgspec.json.decode(response.content, type=endpoint.answer)
        assert response.headers["cache-control"] == "no-store"


async def test_the_meter_list_passes_its_filters_on(site: Any, http: httpx.AsyncClient) -> None:
    query = "q=12&area=north&modem=861&after=7&limit=2"
    page = decoded(await http.get(f"/api/v1/meters?{query}"), shapes.MeterPage)
    assert [row.meter_id for row in page.meters] == ["1", "2"]
    assert site.node.read_model.asked == [
        ("meters", {"q": "12", "area": "north", "modem": "861", "after": "7", "limit": 2})
    ]


async def test_readings_take_short_codes_and_times_with_an_unescaped_plus(
    site: Any, http: httpx.AsyncClient
) -> None:
    path = "/api/v1/meters/1/readings?obis=1.8.0,32.7.0&obis=1.0.1.8.0.255"
    await http.get(path + "&from=2026-01-01T00:00:00+07:00&to=2026-02-01T00:00:00Z&limit=5")
    [(_, asked)] = site.node.read_model.asked
    assert asked == {
        "meter_id": "1",
        "obis": ["1.0.1.8.0.255", "1.0.32.7.0.255"],
        "start": datetime(2025, 12, 31, 17, tzinfo=UTC),
        "end": datetime(2026, 2, 1, tzinfo=UTC),
        "limit": 5,
    }


async def test_a_meter_without_readings_is_no_error_but_an_unknown_one_is(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/api/v1/meters/silent/readings")).json() == []
    for path in ("", "/readings", "/profile"):
        response = await http.get(f"/api/v1/meters/nobody{path}")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "unknown-meter"
        assert "nobody" in response.json()["error"]["message"]


async def test_profile_names_are_codes_or_words(site: Any, http: httpx.AsyncClient) -> None:
    await http.get("/api/v1/meters/1/profile?profile=load")
    await http.get("/api/v1/meters/1/profile?profile=99.1.0")
    await http.get("/api/v1/meters/1/profile")
    asked = [arguments["profile"] for _, arguments in site.node.read_model.asked]
    assert asked == ["load", "1.0.99.1.0.255", None]
    assert (await http.get("/api/v1/meters/1/profile?profile=x")).status_code == 400


async def test_the_kind_of_a_profile_has_two_names(site: Any, http: httpx.AsyncClient) -> None:
    await http.get("/api/v1/meters/1/profile?kind=billing")
    await http.get("/api/v1/meters/1/profile?kind=billing&profile=load")
    asked = [arguments["profile"] for _, arguments in site.node.read_model.asked]
    assert asked == ["billing", "billing"]


async def test_days_of_energy_are_those_of_the_offset(site: Any, http: httpx.AsyncClient) -> None:
    path = "/api/v1/meters/1/energy?obis=1.29.0&from=2026-05-01T00:00:00+07:00"
    rows = decoded(await http.get(path), list[shapes.EnergyDayRow])
    assert [row.energy for row in rows] == ["12.5"]
    [(_, asked)] = site.node.read_model.asked
    assert (asked["first"], asked["last"]) == (date(2026, 5, 1), None)
    assert asked["obis"] == ["1.0.1.29.0.255"]
    assert (await http.get("/api/v1/meters/nobody/energy")).status_code == 404


async def test_the_audit_log_is_paged_by_position(site: Any, http: httpx.AsyncClient) -> None:
    path = "/api/v1/audit?stream=meter:1&actor=an&before=12&limit=2"
    page = decoded(await http.get(path), shapes.AuditLog)
    assert ([row.position for row in page.entries], page.next) == ([9, 7], 7)
    [(_, asked)] = site.node.read_model.asked
    assert asked == {
        "stream": "meter:1", "actor": "an", "kind": "", "between": (None, None), "before": 12,
        "limit": 2,
    }  # fmt: skip
    assert decoded(await http.get("/api/v1/audit"), shapes.AuditLog).next is None


async def test_registers_are_read_now(site: Any, http: httpx.AsyncClient) -> None:
    response = await http.post("/api/v1/meters/1/read", json={"obis": ["1.8.0", "2.8.0"]})
    answer = decoded(response, shapes.ReadAnswer)
    command, timeout_s = site.node.commander.asked[0]
    assert command == ReadRegisters(
        meter="1", obis=("1.0.1.8.0.255", "1.0.2.8.0.255"), actor="local"
    )
    assert timeout_s == 120
    told = [(row.obis, row.value, row.unit, row.quality) for row in answer.readings]
    assert told == [
        ("1.0.1.8.0.255", "123456", "Wh", "good"),
        ("1.0.32.7.0.255", "230.7", "V", "good"),
        ("0.0.96.1.0.255", "A17", None, "good"),
    ]
    assert answer.refused == {"1.0.2.8.0.255": "object-undefined"}
    assert answer.time < answer.received_at


async def test_an_empty_body_reads_the_usual_registers(site: Any, http: httpx.AsyncClient) -> None:
    assert (await http.post("/api/v1/meters/1/read")).status_code == 200
    assert site.node.commander.asked[0][0].obis == ()


async def test_a_profile_is_read_now_each_interval_once_and_in_order(
    site: Any, http: httpx.AsyncClient
) -> None:
    body = {
        "profile": "load",
        "from": "2026-11-24T00:00:00+07:00",
        "to": "2026-11-24T12:00:00+07:00",
        "timeout_s": 600,
    }
    answer = decoded(await http.post("/api/v1/meters/1/read", json=body), shapes.ProfileAnswer)
    command, timeout_s = site.node.commander.asked[0]
    assert isinstance(command, ReadProfile)
    assert (command.start.isoformat(), timeout_s) == ("2026-11-24T00:00:00+07:00", 600)
    assert [row.status for row in answer.intervals] == [8, 16]
    assert answer.intervals[0].values["1.0.1.29.0.255"].value == "1.501"


async def test_the_clock_is_checked_and_set(site: Any, http: httpx.AsyncClient) -> None:
    url = "/api/v1/meters/1/clock"
    checked = decoded(await http.post(url, json={"set": False}), shapes.ClockAnswer)
    assert (checked.drift_s, checked.changed) == (9.5, None)
    changed = decoded(await http.post(url, json={"set": True}), shapes.ClockAnswer)
    assert changed.changed is not None
    assert changed.changed.method == "set"
    assert site.node.commander.asked[1][0] == CheckClock(meter="1", set=True, actor="local")


async def test_devices_go_in_and_out(http: httpx.AsyncClient) -> None:
    csv = "meter_id,modem_id\n1,861\n2,861\n"
    response = await http.post("/api/v1/devices", content=csv, headers={"content-type": "text/csv"})
    assert decoded(response, shapes.ImportAnswer).imported == 2
    assert (await http.get("/api/v1/devices")).text.startswith("meter_id,modem_id")
    as_json = await http.get("/api/v1/devices", headers={"accept": "application/json"})
    assert as_json.json() == {"devices": [{"meter_id": "1", "modem_id": "861"}]}


async def test_an_alarm_is_acknowledged_in_the_name_of_who_asks(
    site: Any, http: httpx.AsyncClient
) -> None:
    response = await http.post("/api/v1/alarms/7/acknowledge", json={"note": "on my way"})
    row = decoded(response, shapes.AlarmRow)
    assert row.acknowledged_by == "local"
    assert row.acknowledged_at is not None
    assert site.node.acknowledged == [(7, "local", "on my way")]
    for unknown in ("8", "x", "9" * 30):
        assert (await http.post(f"/api/v1/alarms/{unknown}/acknowledge")).status_code == 404
    assert len(site.node.acknowledged) == 1


async def test_open_alarms_alone(http: httpx.AsyncClient) -> None:
    both = decoded(await http.get("/api/v1/alarms"), shapes.Alarms)
    only = decoded(await http.get("/api/v1/alarms?open=true"), shapes.Alarms)
    assert ([row.id for row in both.alarms], [row.id for row in only.alarms]) == ([7, 6], [7])


async def test_the_tree_is_shown_from_any_actor(http: httpx.AsyncClient) -> None:
    root = (await http.get("/api/v1/tree")).json()
    assert [child["path"] for child in root["children"]] == ["/main/hub"]
    hub = (await http.get("/api/v1/tree?path=/main/hub&depth=0")).json()
    assert (hub["kind"], hub["children"]) == ("Hub", [])
    gone = await http.get("/api/v1/tree?path=/main/gone")
    assert gone.status_code == 404
    assert "/main/gone" in gone.json()["error"]["message"]


async def test_modems_come_by_id(http: httpx.AsyncClient) -> None:
    modems = decoded(await http.get("/api/v1/modems"), shapes.Modems)
    assert [view.modem_id for view in modems.modems] == ["860", "861"]


async def test_a_projection_is_rebuilt_or_compared(http: httpx.AsyncClient) -> None:
    url = "/api/v1/projections/latest/rebuild"
    assert (await http.post(url)).json() == {"name": "latest", "action": "replaced", "ok": True}
    assert (await http.post(url, json={"verify": True})).json()["action"] == "compared"
    unknown = await http.post("/api/v1/projections/nope/rebuild")
    assert unknown.status_code == 404
    assert "latest" in unknown.json()["error"]["message"]


async def test_health_tells_the_position_of_the_log(
    site: Any, http: httpx.AsyncClient, reading: Any
) -> None:
    site.node.append("meter:1", reading, reading)
    health = decoded(await http.get("/healthz"), shapes.Health)
    assert (health.status, health.position, health.uptime_s) == ("ok", 2, 3600)


async def test_metrics_count_requests_by_route(http: httpx.AsyncClient) -> None:
    await http.get("/api/v1/meters/1")
    await http.get("/api/v1/meters/nobody")
    told = (await http.get("/metrics")).text
    label = 'method="GET",path="/api/v1/meters/{meter_id}"'
    assert f'hes_web_requests_total{{{label},status="200"}} 1.0' in told
    assert f'hes_web_requests_total{{{label},status="404"}} 1.0' in told
    assert "hes_web_connections 1.0" in told
    for name in ("lag_events", "age_seconds", "poisoned_events"):
        assert f'hes_projection_{name}{{projection="latest"}} 0.0' in told


async def test_the_description_names_every_route(http: httpx.AsyncClient) -> None:
    told = (await http.get("/api/v1/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    for endpoint in find_endpoints():
        operation = told["paths"][endpoint.path][endpoint.method.lower()]
        assert operation["responses"]["200"]
    parameters = told["paths"]["/api/v1/meters"]["get"]["parameters"]
    assert {"q", "area", "after", "limit", "modem"} == {each["name"] for each in parameters}
    read = told["paths"]["/api/v1/meters/{meter_id}/read"]["post"]["responses"]["200"]
    assert len(read["content"]["application/json"]["schema"]["oneOf"]) == 2
    text = msgspec.json.encode(told).decode()
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in told["components"]["schemas"]
