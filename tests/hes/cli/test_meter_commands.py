"""``hes meter`` and ``hes clock --adjust``: what they ask of the node, and what they show."""

import json
from pathlib import Path
from typing import Any

import pytest

METER = "POST /api/v1/meters/m%2F1"
STATE = "GET /api/v1/meters/m%2F1/firmware"
RELAY = {"obis": "0.0.96.3.10.255", "closed": False, "state": "disconnected", "mode": 2}
LAST = {
    "image": "fw.bin", "state": "transferring", "done_bytes": 128, "size_bytes": 300, "detail": "",
    "version": None,
}  # fmt: skip


def body(node: Any, number: int = -1) -> Any:
    return json.loads(node.asked[number].body)


def test_the_relay_is_looked_at(hes: Any, node: Any) -> None:
    node.answer(f"{METER}/relay", RELAY)
    said = hes("meter", "m/1", "relay", "--url", node.url)
    assert said.code == 0, said.err
    assert body(node) == {"action": "state"}
    assert "state   disconnected" in said.out
    assert hes("meter", "m/1", "relay", "--json", "--url", node.url).json == RELAY


def test_a_disconnection_is_confirmed(hes: Any, node: Any) -> None:
    node.answer(f"{METER}/relay", RELAY)
    said = hes("meter", "m/1", "relay", "disconnect", "--reason", "unpaid", "--url", node.url)
    assert said.code == 2
    assert said.err == (
        "hes: a disconnection leaves a customer without supply; repeat the command with --confirm\n"
    )
    assert node.asked == []
    words = ["--reason", "unpaid", "--confirm", "--timeout", "20"]
    assert hes("meter", "m/1", "relay", "disconnect", *words, "--url", node.url).code == 0
    assert body(node) == {
        "action": "disconnect", "reason": "unpaid", "confirm": True, "timeout_s": 20,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["limiter"], {}),
        (["limiter", "--normal", "4000", "--over", "0", "--reason", "r"],
         {"threshold_normal": "4000", "min_over_s": 0, "reason": "r"}),
        (["push-setup", "--every", "1800", "--address", "h:1", "--reason", "r"],
         {"every_s": 1800, "address": "h:1", "reason": "r"}),
        (["push-setup", "--now"], {"now": True}),
        (["modem-setup", "--destination", "h:1", "--destination", "h:2", "--reason", "r"],
         {"destinations": ["h:1", "h:2"], "reason": "r"}),
        (["diagnose"], {}),
        (["freeze", "--reason", "r"], {"how": "now", "reason": "r"}),
        (["freeze", "monthly", "--day", "1", "--hour", "0", "--everybody", "--reason", "r"],
         {"how": "monthly", "day": 1, "hour": 0, "everybody": True, "reason": "r"}),
    ],
    ids=lambda part: " ".join(part)[:30],
)  # fmt: skip
def test_options_become_the_body(
    hes: Any, node: Any, arguments: list[str], sent: dict[str, Any]
) -> None:
    node.answer(f"{METER}/{arguments[0]}", {"unit": "W", "refused": {}, "apn": None})
    said = hes("meter", "m/1", *arguments, "--url", node.url)
    assert (said.code, said.out) == (0, "unit  W\n")
    assert body(node) == sent


def test_new_keys_come_from_files(hes: Any, node: Any, tmp_path: Path) -> None:
    node.answer(f"{METER}/keys", {"changed": ["encryption"]})
    (tmp_path / "ek").write_text("0F" * 16 + "\n")
    words = ("meter", "m/1", "key-change", "--encryption-key-file", "ek", "--reason", "due")
    said = hes(*words, "--url", node.url)
    assert (said.code, said.out) == (0, "changed  encryption\n")
    assert body(node) == {"encryption_key": "0f" * 16, "reason": "due"}
    assert hes(*words, "--json", "--url", node.url).json == {"changed": ["encryption"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [("0f" * 15, "32 hex digits"), ("xy" * 16, "32 hex digits"), ("0f" * 2000, "32 hex digits"),
     (None, "No such file"), ("", "32 hex digits")],
)  # fmt: skip
def test_what_is_no_key_is_not_sent_and_not_repeated(
    hes: Any, node: Any, tmp_path: Path, text: str | None, why: str
) -> None:
    if text is not None:
        (tmp_path / "ak").write_text(text)
    said = hes("meter", "m/1", "key-change", "--authentication-key-file", "ak", "--url", node.url)
    assert said.code == 2
    assert why in said.err
    assert not text or text[:20] not in said.err
    assert node.asked == []
    said = hes("meter", "m/1", "key-change", "--url", node.url)
    assert said.code == 2
    assert "--encryption-key-file" in said.err


def test_logical_devices_are_listed(hes: Any, node: Any) -> None:
    devices = [{"sap": 1, "name": "SIM0"}, {"sap": 17, "name": "SIM1\x1b[2J"}]
    node.answer(f"{METER}/logical-devices", {"devices": devices})
    said = hes("meter", "m/1", "sap", "--url", node.url)
    first, second = said.out.splitlines()
    assert first.split() == ["1", "SIM0"]
    assert second.split()[:1] == ["17"]
    assert "\x1b" not in second
    assert hes("meter", "m/1", "sap", "--json", "--url", node.url).json == {"devices": devices}


def test_a_calendar_is_read_into_a_file_and_given_back(hes: Any, node: Any, tmp_path: Path) -> None:
    calendar = {"name": "Đ", "days": []}
    node.answer(f"{METER}/calendar", {"calendar": calendar, "waiting": "2031"})
    said = hes("meter", "m/1", "calendar", "get", "-o", "c.json", "--url", node.url)
    assert said.code == 0
    assert said.err == "calendar 2031 waits until it is told to take over\n"
    assert json.loads((tmp_path / "c.json").read_text("utf-8")) == calendar
    said = hes("meter", "m/1", "calendar", "get", "--url", node.url)
    assert json.loads(said.out) == calendar
    said = hes("meter", "m/1", "calendar", "set", "c.json", "--reason", "r", "--url", node.url)
    assert said.code == 0
    assert body(node) == {"calendar": calendar, "reason": "r"}
    (tmp_path / "bad.json").write_text("{")
    assert hes("meter", "m/1", "calendar", "set", "bad.json", "--url", node.url).code == 2


def test_firmware_is_sent_and_followed_to_its_end(
    hes: Any, node: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.cli.metering.LOOK_S", 0.0)
    (tmp_path / "fw.bin").write_bytes(b"image")
    node.answer(f"{METER}/firmware", LAST)
    node.answer(STATE, {"meter_id": "m/1", "last": LAST})
    node.answer(STATE, {"meter_id": "m/1", "last": LAST | {"state": "activated", "version": "2"}})
    said = hes(
        "meter", "m/1", "firmware", "fw.bin", "--resume", "--reason", "a bug", "--url", node.url
    )
    assert said.code == 0, said.err
    assert "version     2" in said.out
    sent = node.asked[0]
    assert sent.query == {"name": "fw.bin", "reason": "a bug", "resume": "true"}
    assert sent.body == "image"


def test_firmware_that_failed_is_exit_1(hes: Any, node: Any) -> None:
    failed = LAST | {"state": "failed", "detail": "verifying: no"}
    node.answer(STATE, {"meter_id": "m/1", "last": failed})
    said = hes("meter", "m/1", "firmware", "--json", "--url", node.url)
    assert said.code == 1
    assert said.json == failed
    assert said.err == "hes: the firmware did not get into the meter: verifying: no\n"


def test_a_meter_that_was_never_offered_any(hes: Any, node: Any) -> None:
    node.answer(STATE, {"meter_id": "m/1", "last": None})
    said = hes("meter", "m/1", "firmware", "--url", node.url)
    assert (said.code, said.err) == (1, "hes: meter m/1 was not offered any firmware\n")


def test_firmware_that_is_left_alone(hes: Any, node: Any, tmp_path: Path) -> None:
    (tmp_path / "fw.bin").write_bytes(b"image")
    node.answer(f"{METER}/firmware", LAST)
    node.answer(STATE, {"meter_id": "m/1", "last": LAST})
    words = ["fw.bin", "--name", "FW-2", "--detach", "--reason", "r"]
    said = hes("meter", "m/1", "firmware", *words, "--json", "--url", node.url)
    assert (said.code, said.json) == (0, LAST)
    assert node.asked[0].query["name"] == "FW-2"


def test_a_clock_is_put_right_by_its_own_method(hes: Any, node: Any) -> None:
    answer = {
        "meter_id": "m/1", "meter_time": "2026-11-24T03:00:00Z", "drift_s": 0.5,
        "uncertainty_s": 0.4,
        "changed": {"drift_before_s": 12, "drift_after_s": 0.5, "method": "minute"},
    }  # fmt: skip
    node.answer(f"{METER}/clock", answer)
    said = hes("clock", "m/1", "--adjust", "minute", "--reason", "r", "--url", node.url)
    assert said.code == 0
    assert body(node) == {"set": False, "adjust": "minute", "reason": "r"}
    assert "by minute: was 12 s ahead, is 0.5 s ahead" in said.out
    assert hes("clock", "m/1", "--adjust", "hour", "--url", node.url).code == 2
    assert hes("clock", "m/1", "--adjust", "shift", "--set", "--url", node.url).code == 2
