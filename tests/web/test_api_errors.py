"""What callers do wrong, and what they are told: a status, a code, a sentence."""

import threading
from typing import Any

import httpx
import msgspec
import pytest
import trio

from hes.store.errors import StoreError, StoreUnavailable

BAD_QUERIES = [
    ("/api/v1/meters?limit=0", "limit='0' is no whole number from 1 to 1000"),
    ("/api/v1/meters?limit=1001", "1 to 1000"),
    ("/api/v1/meters?limit=-1", "1 to 1000"),
    ("/api/v1/meters?limit=" + "9" * 5000, "1 to 1000"),
    ("/api/v1/meters?limit=%C2%B2", "no whole number"),
    ("/api/v1/meters?limit=5&limit=6", "limit is given more than once"),
    ("/api/v1/meters?area=" + "x" * 201, "area may have 200 printable characters"),
    ("/api/v1/meters?q=%00", "printable"),
    ("/api/v1/meters?page=2", "unknown parameter 'page'; known here: q, area"),
    ("/api/v1/meters/1?x=1", "unknown parameter 'x'; known here: none"),
    ("/api/v1/meters/1/readings?from=yesterday", "from='yesterday' is no time with offset"),
    ("/api/v1/meters/1/readings?to=2026-01-01T00:00:00", "no time with offset"),
    ("/api/v1/meters/1/readings?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "later than"),
    ("/api/v1/meters/1/readings?obis=1.8", "'1.8' is no OBIS code"),
    ("/api/v1/meters/1/readings?obis=" + "1.8.0," * 300, "at most 256"),
    ("/api/v1/alarms?open=yes", "open is either true or false"),
    ("/api/v1/events?order=up", "asc or desc"),
    ("/api/v1/events?before=5", "order=desc"),
    ("/api/v1/events?order=desc&after=5", "before"),
    ("/api/v1/tree?depth=6", "0 to 5"),
]
BAD_BODIES = [
    ("read", "{", "body cannot be used"),
    ("read", "[]", "Expected `object`"),
    ("read", "\xff", "body cannot be used"),
    ("read", '{"obis":["1.8"]}', "'1.8' is no OBIS code"),
    ("read", '{"obis":"1.8.0"}', "Expected `array | null`"),
    ("read", '{"obi":[]}', "unknown field `obi`"),
    ("read", '{"profile":"load"}', "needs from and to"),
    ("read", '{"from":"2026-01-01T00:00:00Z"}', "go with a profile"),
    (
        "read",
        '{"profile":"load","from":"2026-01-01T00:00:00","to":"2026-01-02T00:00:00Z"}',
        "timezone",
    ),
    ("read", '{"profile":"load","obis":[]}', "not both"),
    ("read", '{"profile":"x","from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"}', "'x'"),
    ("read", '{"timeout_s":0}', "timeout_s"),
    ("read", "[" * 50_000, "body cannot be used"),
    ("clock", '{"set":1}', "Expected `bool`"),
]


@pytest.mark.parametrize(("path", "says"), BAD_QUERIES, ids=lambda text: text[:60])
async def test_a_wrong_query_is_a_400_that_says_what_is_wrong(
    site: Any, http: httpx.AsyncClient, path: str, says: str
) -> None:
    response = await http.get(path)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "bad-request"
    assert says in error["message"]
    assert site.node.read_model.asked == []


@pytest.mark.parametrize(("what", "body", "says"), BAD_BODIES, ids=lambda text: text[:40])
async def test_a_wrong_body_is_a_422_and_no_meter_is_asked(
    site: Any, http: httpx.AsyncClient, what: str, body: str, says: str
) -> None:
    response = await http.post(f"/api/v1/meters/1/{what}", content=body.encode("latin-1"))
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "bad-body"
    assert says in response.json()["error"]["message"]
    assert site.node.commander.asked == []


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("no-modem", 409),
        ("no-answer", 504),
        ("refused", 502),
        ("bad-check", 502),
        ("expired", 504),
        ("busy", 502),
    ],
)
async def test_a_command_without_answer_tells_its_reason(
    site: Any, http: httpx.AsyncClient, failed: Any, reason: str, status: int
) -> None:
    site.node.commander.failure = failed(reason)
    response = await http.post("/api/v1/meters/1/read", json={"obis": ["1.8.0"]})
    assert response.status_code == status
    assert response.json() == {
        "error": {"code": reason, "message": f"because of {reason}", "detail": None}
    }


async def test_a_command_to_an_unknown_meter_is_a_404(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/v1/meters/nobody/clock", json={})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "unknown-meter"


async def test_wrong_devices_are_told_by_row_and_column(http: httpx.AsyncClient) -> None:
    csv = "meter_id,modem_id,protocol\n1,861,morse\n1,861,dlms\n"
    response = await http.post("/api/v1/devices", content=csv)
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "device-list"
    assert error["detail"][0]["row"] == 2
    assert error["detail"][0]["column"] == "protocol"
    assert "morse" in error["detail"][0]["problem"]


async def test_devices_that_are_no_text_are_a_422(http: httpx.AsyncClient) -> None:
    response = await http.post("/api/v1/devices", content=b"meter_id\n\xff")
    assert response.status_code == 422
    assert "byte 9" in response.json()["error"]["message"]


async def test_a_read_model_that_is_away_is_a_503_with_retry_after(
    site: Any, http: httpx.AsyncClient
) -> None:
    site.node.read_model.away = True
    response = await http.get("/api/v1/meters")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert "disk is full" in response.json()["error"]["message"]


async def test_a_store_that_is_away_is_a_503_and_bad_health(
    site: Any, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(site.node.event_log, "head", away)
    monkeypatch.setattr(site.node.event_log, "check", away)
    assert (await http.get("/api/v1/events")).status_code == 503
    health = await http.get("/healthz")
    assert health.status_code == 503
    assert health.json()["problem"] == "the disk is full"
    assert int(health.headers["retry-after"]) > 0


async def test_a_store_that_takes_no_events_is_bad_health_though_it_can_be_read(
    site: Any, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = site.node.system()
    full = msgspec.structs.replace(
        facts, store=msgspec.structs.replace(facts.store, problem="the tablespace is full")
    )
    monkeypatch.setattr(site.node, "system", lambda: full)
    health = await http.get("/healthz")
    assert health.status_code == 503
    assert health.json()["problem"] == "the tablespace is full"
    assert int(health.headers["retry-after"]) > 0


async def test_a_damaged_store_is_a_500_with_its_sentence(
    site: Any, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged() -> int:
        raise StoreError("the log is damaged at page 7")

    monkeypatch.setattr(site.node.event_log, "head", damaged)
    response = await http.get("/api/v1/overview")
    assert response.status_code == 500
    assert response.json()["error"]["message"] == "the log is damaged at page 7"


async def test_a_mistake_of_ours_is_a_500_that_tells_nothing_but_the_log_does(
    site: Any, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, until: Any
) -> None:
    site.node.commander.failure = ZeroDivisionError("secret 42")
    response = await http.post("/api/v1/meters/1/read")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "42" not in response.text
    await until(lambda: "secret 42" in caplog.text)
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing", "/api/v1/meters/1/2/3"])
async def test_an_unknown_resource_is_a_404_in_json(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not-found"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/v1/meters"), ("GET", "/api/v1/meters/1/read"), ("PUT", "/")],
)
async def test_an_unknown_method_is_a_405_in_json(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await http.request(method, path)
    assert response.status_code == 405
    assert response.json()["error"]["code"] == "method-not-allowed"


async def test_a_body_beyond_the_limit_is_refused_and_the_server_lives_on(
    site: Any, http: httpx.AsyncClient
) -> None:
    announced = await http.post("/api/v1/meters/1/read", content=b"x" * 70_000)
    assert announced.status_code == 413
    assert "65536" in announced.json()["error"]["message"]
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    head = f"POST /api/v1/meters/1/read HTTP/1.1\r\nHost: {site.host}\r\n"
    async with await site.raw() as stream:
        await stream.send_all(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        await stream.send_all(chunk * 100 + b"0\r\n\r\n")
        with trio.fail_after(5):
            assert b" 413 " in await stream.receive_some()
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("slow_s", [0.0, 0.3])
async def test_an_endless_unwanted_body_is_cut_off(
    site: Any, monkeypatch: pytest.MonkeyPatch, until: Any, slow_s: float
) -> None:
    """The server below must not wait for ever for somebody to take what it received."""
    tree = site.node.read_model.alarms

    def slow(**arguments: Any) -> Any:
        threading.Event().wait(slow_s)
        return tree(**arguments)

    monkeypatch.setattr(site.node.read_model, "alarms", slow)
    head = f"GET /api/v1/alarms HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 99999999\r\n\r\n"
    with trio.fail_after(10):
        stream = await site.raw()
        await stream.send_all(head.encode())
        with pytest.raises(trio.BrokenResourceError):  # noqa: PT012
            while True:
                await stream.send_all(bytes(65_536))
        await stream.aclose()
    await until(lambda: not site.server._streams)


async def test_a_body_that_never_comes_is_given_up(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.endpoint.BODY_S", 0.1)
    stream = await site.raw()
    head = f"POST /api/v1/meters/1/read HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 9\r\n\r\n"
    async with stream:
        await stream.send_all(head.encode())
        with trio.fail_after(5):
            answer = bytes(await stream.receive_some())
    assert b" 408 " in answer
