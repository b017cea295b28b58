"""Switching, setting and loading over HTTP: what is asked of the meter, and what is asked for."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
import trio

from hes import control
from hes.events.firmware import FirmwareActivated, FirmwareOffered, FirmwareProgressed
from hes.tariff_calendar import (
    DayProfile,
    SeasonProfile,
    Switching,
    TariffCalendar,
    WeekProfile,
)

METER = "/api/v1/meters/1"
WHY = {"reason": "unpaid bill"}
RELAY = control.RelayAnswer(obis="0.0.96.3.10.255", closed=False, state="disconnected", mode=2)
CALENDAR = TariffCalendar(
    name="2027",
    seasons=(SeasonProfile("Y", "*-01-01", "W"),),
    weeks=(WeekProfile("W", (1,) * 7),),
    days=(DayProfile(1, (Switching("00:00", 1), Switching("17:30", 2))),),
)


@pytest.fixture
def asked(site: Any) -> list[Any]:
    """Let every meter answer the same, and return what was asked of them."""
    found: list[Any] = []
    answers: dict[type, Any] = {
        control.ReadRelay: RELAY,
        control.SwitchRelay: RELAY,
        control.PushNow: control.PushedAnswer(),
        control.Diagnose: control.DiagnosisAnswer(operator="SIM", refused={"clock": "no"}),
        control.ReadCalendar: control.CalendarAnswer(calendar=CALENDAR),
        control.SetCalendar: control.CalendarAnswer(calendar=CALENDAR),
        control.LoadImage: control.ImageAnswer(
            image="FW", state="offered", done_bytes=0, size_bytes=4, sha256="", actor="a", reason=""
        ),
    }

    async def execute(command: Any, *, timeout_s: float) -> Any:
        found.append(command)
        return answers.get(type(command), RELAY)

    site.node.commander.execute = execute
    return found


async def test_the_relay_is_looked_at_and_switched(
    http: httpx.AsyncClient, asked: list[Any]
) -> None:
    response = await http.post(f"{METER}/relay", json={})
    assert response.json() == msgspec.to_builtins(RELAY)
    body = {"action": "disconnect", "confirm": True} | WHY
    assert (await http.post(f"{METER}/relay", json=body)).status_code == 200
    await http.post(f"{METER}/relay", json={"action": "connect"} | WHY)
    look, cut, close = asked
    assert look == control.ReadRelay(meter="1", actor=look.actor)
    assert (cut.close, cut.reason, close.close) == (False, "unpaid bill", True)


async def test_a_customer_is_cut_off_only_when_that_is_meant(
    http: httpx.AsyncClient, asked: list[Any]
) -> None:
    response = await http.post(f"{METER}/relay", json={"action": "disconnect"} | WHY)
    assert response.status_code == 422
    assert '"confirm": true' in response.json()["error"]["message"]
    assert asked == []


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("relay", {"action": "connect"}),
        ("relay", {"action": "disconnect", "confirm": True}),
        ("limiter", {"min_over_s": 5}),
        ("calendar", {"calendar": msgspec.to_builtins(CALENDAR)}),
        ("push-setup", {"retries": 3}),
        ("modem-setup", {"apn": "x"}),
        ("clock", {"adjust": "shift"}),
        ("freeze", {}),
        ("firmware?name=x", {}),
    ],
)
@pytest.mark.parametrize("reason", ["", "  ", "x" * 301])
async def test_whatever_changes_the_meter_says_why(
    http: httpx.AsyncClient, asked: list[Any], what: str, body: dict[str, Any], reason: str
) -> None:
    if what.startswith("firmware"):
        path = f"{METER}/{what}&reason={reason[:200]}"
        if len(reason) > 200:
            return
        response = await http.post(path, content=b"data")
    else:
        response = await http.post(f"{METER}/{what}", json=body | {"reason": reason})
    assert response.status_code == 422
    assert "say why in reason" in response.json()["error"]["message"]
    assert asked == []


async def test_nothing_to_set_is_a_look(http: httpx.AsyncClient, asked: list[Any]) -> None:
    for what in (
        "limiter", "calendar", "push-setup", "modem-setup", "diagnose", "logical-devices",
    ):  # fmt: skip
        assert (await http.post(f"{METER}/{what}", json={})).status_code == 200
    assert [type(command) for command in asked] == [
        control.ReadLimiter, control.ReadCalendar, control.ReadPushSetup, control.ReadModemSetup,
        control.Diagnose, control.ReadLogicalDevices,
    ]  # fmt: skip
    assert (asked[2].push, asked[2].schedule) == ("0.1.25.9.0.255", "0.0.15.0.4.255")


KEY = "0f" * 16


async def test_new_keys_are_asked_for_and_told_to_nobody(
    http: httpx.AsyncClient, asked: list[Any]
) -> None:
    response = await http.post(f"{METER}/keys", json={"encryption_key": KEY} | WHY)
    assert response.status_code == 200
    assert KEY not in response.text
    (command,) = asked
    assert (command.encryption_key.hex(), command.authentication_key) == (KEY, b"")
    assert (command.reason, command.names) == ("unpaid bill", ("encryption",))


@pytest.mark.parametrize(
    "body",
    [
        WHY, {"encryption_key": KEY}, {"encryption_key": KEY[:-2]} | WHY,
        {"encryption_key": KEY[:-1] + "x"} | WHY, {"authentication_key": KEY * 3} | WHY,
        {"authentication_key": [KEY]} | WHY, {"master_key": KEY} | WHY,
    ],
)  # fmt: skip
async def test_a_wrong_key_is_refused_and_not_repeated(
    http: httpx.AsyncClient, asked: list[Any], body: dict[str, Any]
) -> None:
    response = await http.post(f"{METER}/keys", json=body)
    assert response.status_code == 422
    assert KEY[:8] not in response.text
    assert asked == []


async def test_a_freeze_is_told_as_it_was_asked_for(
    http: httpx.AsyncClient, asked: list[Any]
) -> None:
    body = {"how": "monthly", "day": 3, "hour": 1, "everybody": True}
    assert (await http.post(f"{METER}/freeze", json=body | WHY)).status_code == 200
    assert (await http.post(f"{METER}/freeze", json=WHY)).status_code == 200
    late, now = asked
    assert (late.how, late.day, late.hour, late.minute, late.everybody) == (
        "monthly", 3, 1, 0, True,
    )  # fmt: skip
    assert (now.how, now.reason, now.everybody) == ("now", "unpaid bill", False)
    for wrong in ({"day": 29}, {"hour": 24}, {"minute": 60}, {"how": "yearly"}):
        assert (await http.post(f"{METER}/freeze", json=wrong | WHY)).status_code == 422


async def test_what_is_given_is_set(http: httpx.AsyncClient, asked: list[Any]) -> None:
    await http.post(f"{METER}/limiter", json={"threshold_normal": "4000.5"} | WHY)
    await http.post(f"{METER}/calendar", json={"calendar": msgspec.to_builtins(CALENDAR)} | WHY)
    await http.post(f"{METER}/push-setup", json={"push": "0-4:25.9.0", "every_s": 900} | WHY)
    await http.post(f"{METER}/modem-setup", json={"destinations": ["h:1", "h:2"]} | WHY)
    await http.post(f"{METER}/push-setup", json={"now": True})
    await http.post(f"{METER}/clock", json={"adjust": "minute"} | WHY)
    limiter, calendar, push, modem, now, clock = asked
    assert (limiter.threshold_normal, limiter.min_over_s) == (Decimal("4000.5"), None)
    assert calendar.calendar == CALENDAR
    assert (push.push, push.every_s, push.address) == ("0.4.25.9.0.255", 900, None)
    assert modem.destinations == ("h:1", "h:2")
    assert now == control.PushNow(meter="1", actor=now.actor, push="0.1.25.9.0.255")
    assert (clock.way, clock.reason) == ("minute", "unpaid bill")


BAD = [
    ("relay", {"action": "open"}, "open"),
    ("relay", {"sure": True}, "sure"),
    ("limiter", {"min_over_s": -1}, "min_over_s"),
    ("push-setup", {"every_s": 59}, "every_s"),
    ("push-setup", {"push": "x"}, "no OBIS code"),
    ("push-setup", {"now": True, "retries": 1}, "not both"),
    ("push-setup", {"address": "a b"}, "address"),
    ("modem-setup", {"apn": "cà phê"}, "apn"),
    ("modem-setup", {"apn": "x", "destinations": ["h:1"]}, "never the access point"),
    ("modem-setup", {"destinations": []}, "destinations"),
    ("clock", {"adjust": "hour"}, "adjust"),
    ("calendar", {"calendar": {"name": "x"}}, "seasons"),
    ("calendar", {"calendar": msgspec.to_builtins(CALENDAR) | {"weeks": []}}, "at least"),
]


@pytest.mark.parametrize(("what", "body", "says"), BAD, ids=lambda part: str(part)[:40])
async def test_a_wrong_body_is_a_422_and_no_meter_is_asked(
    http: httpx.AsyncClient, asked: list[Any], what: str, body: dict[str, Any], says: str
) -> None:
    response = await http.post(f"{METER}/{what}", json=body | WHY)
    assert response.status_code == 422
    assert says in response.json()["error"]["message"]
    assert asked == []


# -- firmware


async def test_an_image_is_the_body(http: httpx.AsyncClient, asked: list[Any]) -> None:
    query = {"name": "FW-2", "reason": "a bug", "resume": "true"}
    response = await http.post(f"{METER}/firmware", params=query, content=b"\x00\x01\xff")
    assert response.status_code == 200, response.text
    (command,) = asked
    assert (command.name, command.image, command.resume, command.reason) == (
        "FW-2", b"\x00\x01\xff", True, "a bug",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "image", "says"),
    [
        ({"reason": "r"}, b"x", "name the image"),
        ({"reason": "r", "name": "a b"}, b"x", "name the image"),
        ({"reason": "r", "name": "n" * 65}, b"x", "name the image"),
        ({"reason": "r", "name": "n"}, b"", "there is none"),
    ],
)
async def test_an_image_needs_a_name_and_bytes(
    http: httpx.AsyncClient, asked: list[Any], query: dict[str, str], image: bytes, says: str
) -> None:
    response = await http.post(f"{METER}/firmware", params=query, content=image)
    assert response.status_code == 422
    assert says in response.json()["error"]["message"]
    assert asked == []


async def test_an_image_has_a_limit(site: Any, asked: list[Any]) -> None:
    head = f"POST {METER}/firmware?name=n&reason=r HTTP/1.1\r\nHost: {site.host}\r\n"
    head += f"Content-Length: {control.IMAGE_SIZE_MAX + 1}\r\n\r\n"
    async with await site.raw() as stream:
        await stream.send_all(head.encode())
        with trio.fail_after(5):
            assert b" 413 " in await stream.receive_some()
    assert asked == []


async def test_how_far_the_last_image_is_stands_in_the_log(
    site: Any, http: httpx.AsyncClient
) -> None:
    assert (await http.get(f"{METER}/firmware")).json() == {"meter_id": "1", "last": None}
    assert (await http.get("/api/v1/meters/nobody/firmware")).status_code == 404
    at = site.node.clock.at
    stream = "meter:1"
    old = FirmwareOffered(
        received_at=at, image="OLD", size_bytes=9, sha256=b"", actor="bo", reason="x"
    )
    offered = FirmwareOffered(
        received_at=at, image="FW", size_bytes=300, sha256=b"\xab", actor="an", reason="bug"
    )
    sent = FirmwareProgressed(
        received_at=at + timedelta(seconds=30), image="FW", step="transferring", done_bytes=128,
        size_bytes=300,
    )  # fmt: skip
    site.node.append(stream, old, offered, sent)
    last = (await http.get(f"{METER}/firmware")).json()["last"]
    assert (last["image"], last["state"], last["done_bytes"]) == ("FW", "transferring", 128)
    assert (last["actor"], last["sha256"]) == ("an", "ab")
    site.node.append(stream, FirmwareActivated(received_at=at, image="FW", version="2.0"))
    last = (await http.get(f"{METER}/firmware")).json()["last"]
    assert (last["state"], last["version"], last["done_bytes"]) == ("activated", "2.0", 300)
