import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

READING = {
    "obis": "1.0.1.8.0.255",
    "value": "1234.5",
    "unit": "kWh",
    "time": "2026-11-24T03:00:00Z",
    "received_at": "2026-11-24T03:00:01Z",
    "source": "demand",
    "quality": "good",
}
ANSWER = {"meter_id": "m/1", "time": READING["time"], "readings": [READING], "refused": {}}
READ = "POST /api/v1/meters/m%2F1/read"


# -- what can go wrong with any of them


def test_no_node_is_told_with_what_to_do(hes: Any, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    for command in (["tree"], ["events"], ["projections", "list"], ["read", "m"], ["clock", "m"]):
        said = hes(*command, "--url", url)
        assert said.code == 1
        assert said.err == (
            f"hes: no node answers at {url}; start one with `hes serve`,"
            " or say with --url where it is\n"
        )


@pytest.mark.parametrize("url", ["nowhere", "ftp://x", "http://", "http://x:0", "http://[x"])
def test_a_url_that_is_none_is_exit_2(hes: Any, url: str) -> None:
    said = hes("tree", "--url", url)
    assert said.code == 2
    assert said.err.startswith("hes: --url: ")


@pytest.mark.parametrize(
    ("status", "code"), [(404, 1), (409, 1), (502, 1), (503, 1), (504, 1), (400, 2), (422, 2)]
)
def test_the_nodes_own_sentence_is_passed_on(hes: Any, node: Any, status: int, code: int) -> None:
    node.refuse("GET /api/v1/tree", status, "this is why")
    said = hes("tree", "--url", node.url)
    assert (said.code, said.err, said.out) == (code, "hes: this is why\n", "")


@pytest.mark.parametrize(
    ("body", "status"),
    [("<html>", 200), ("[1]", 200), ("<html>", 502), ('{"error": "x"}', 500), ("", 302)],
)
def test_another_program_at_the_address_is_told(
    hes: Any, node: Any, body: str, status: int
) -> None:
    node.answer("GET /api/v1/tree", body, status)
    said = hes("tree", "--url", node.url)
    assert said.code == 1
    assert said.err == f"hes: what answers at {node.url} is no HES node; see --url\n"


def test_the_token_comes_from_the_environment(
    hes: Any, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.answer("GET /api/v1/tree", {"path": "/", "state": "running"})
    hes("tree", "--url", node.url)
    monkeypatch.setenv("HES_TOKEN", " ops.c0ffee\n")
    hes("tree", "--url", node.url)
    assert [asked.authorization for asked in node.asked] == [None, "Bearer ops.c0ffee"]
    monkeypatch.setenv("HES_TOKEN", "cà phê")
    assert hes("tree", "--url", node.url).code == 2


def test_a_missing_token_is_told(hes: Any, node: Any) -> None:
    node.refuse("GET /api/v1/tree", 401, "a token is needed; send Authorization: Bearer N.S")
    said = hes("tree", "--url", node.url)
    assert said.code == 1
    assert said.err == "hes: a token is needed; put the token into HES_TOKEN\n"


def test_a_proxy_is_not_asked_for_this_machine(
    hes: Any, node: Any, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port}")
    node.answer("GET /api/v1/tree", {"path": "/", "state": "running"})
    assert hes("tree", "--url", node.url).code == 0


# -- read


def test_read_asks_for_registers_in_full_form(hes: Any, node: Any) -> None:
    node.answer(READ, ANSWER)
    said = hes("read", "m/1", "1.8.0", "1-0:2.8.0", "--url", node.url)
    assert said.code == 0
    assert json.loads(node.asked[0].body) == {"obis": ["1.0.1.8.0.255", "1.0.2.8.0.255"]}
    assert "1.0.1.8.0.255" in said.out
    assert "1234.5" in said.out
    assert "kWh" in said.out


def test_read_writes_the_answer_itself_as_json(hes: Any, node: Any) -> None:
    node.answer(READ, ANSWER)
    assert hes("read", "m/1", "--json", "--url", node.url).json == ANSWER
    assert json.loads(node.asked[0].body) == {"obis": []}


def test_read_gives_the_time_that_it_may_take(hes: Any, node: Any) -> None:
    node.answer(READ, ANSWER)
    hes("read", "m/1", "--timeout", "7", "--url", node.url)
    assert json.loads(node.asked[0].body)["timeout_s"] == 7


@pytest.mark.parametrize(
    ("readings", "code"), [([READING], 0), ([], 1)], ids=["some answered", "none answered"]
)
def test_refused_registers_are_told(hes: Any, node: Any, readings: list[Any], code: int) -> None:
    refused = {"1.0.99.8.0.255": "object-undefined"}
    node.answer(READ, {**ANSWER, "readings": readings, "refused": refused})
    said = hes("read", "m/1", "--url", node.url)
    assert said.code == code
    assert said.err == "1.0.99.8.0.255: the meter refused, object-undefined\n"


def test_read_of_a_profile(hes: Any, node: Any) -> None:
    cell = {"value": "1.5", "unit": "kWh"}
    row = {
        "time": READING["time"],
        "values": {"1.0.1.8.0.255": cell},
        "status": 0,
        "quality": "good",
    }
    node.answer(READ, {"meter_id": "m/1", "profile": "load", "intervals": [row]})
    said = hes(
        "read", "m/1", "--profile", "load", "--from", "2026-11-23T00:00+07:00",
        "--to", "2026-11-24T00:00:00Z", "--url", node.url,
    )  # fmt: skip
    assert said.code == 0
    sent = json.loads(node.asked[0].body)
    assert sent["profile"] == "load"
    assert datetime.fromisoformat(sent["from"]) == datetime(2026, 11, 22, 17, tzinfo=UTC)
    assert datetime.fromisoformat(sent["to"]) == datetime(2026, 11, 24, tzinfo=UTC)
    assert "1.5 kWh" in said.out
    assert said.err == "1 interval\n"


def test_times_without_offset_are_those_of_this_machine(hes: Any, node: Any) -> None:
    node.answer(READ, {"meter_id": "m/1", "profile": "load", "intervals": []})
    hes("read", "m/1", "--profile", "load", "--from", "2026-11-23", "--url", node.url)
    (since,) = [datetime.fromisoformat(json.loads(asked.body)["from"]) for asked in node.asked]
    assert since == datetime(2026, 11, 23).astimezone()
    assert since.tzinfo is not None


def test_a_profile_without_times_is_of_the_last_day(hes: Any, node: Any) -> None:
    node.answer(READ, {"meter_id": "m/1", "profile": "load", "intervals": []})
    assert hes("read", "m/1", "--profile", "load", "--url", node.url).code == 0
    sent = json.loads(node.asked[0].body)
    since, until = map(datetime.fromisoformat, (sent["from"], sent["to"]))
    assert until - since == timedelta(days=1)
    assert abs(until - datetime.now(UTC)) < timedelta(minutes=1)  # noqa: TID251 -- its own clock


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["1.8"], "'1.8' is no OBIS code"),
        (["--profile", "lood"], "--profile: 'lood' is no profile"),
        (["--from", "2026-01-01"], "--from and --to belong to --profile"),
        (["1.8.0", "--profile", "load"], "name registers or a --profile, not both"),
        (["--profile", "load", "--from", "yesterday"], "--from: 'yesterday' is no time"),
        (["--profile", "load", "--from", "now", "--to", "-1h"], "is after --to"),
    ],
)
def test_a_wrong_read_is_refused_without_asking(
    hes: Any, node: Any, arguments: list[str], told: str
) -> None:
    said = hes("read", "m", *arguments, "--url", node.url)
    assert said.code == 2
    assert told in said.err
    assert node.asked == []


# -- clock


def test_clock_tells_the_drift_and_sets_on_demand(hes: Any, node: Any) -> None:
    call = "POST /api/v1/meters/m/clock"
    checked = {
        "meter_id": "m", "meter_time": READING["time"], "drift_s": -12.5, "uncertainty_s": 0.4,
        "changed": None,
    }  # fmt: skip
    change = {"drift_before_s": -12.5, "drift_after_s": 0, "method": "shift"}
    node.answer(call, checked)
    node.answer(call, {**checked, "changed": change})
    node.answer(call, checked)
    first, second = (
        hes("clock", "m", "--url", node.url),
        hes("clock", "m", "--set", "--url", node.url),
    )
    assert "12.5 s behind, give or take 0.4 s" in first.out
    assert "changed" not in first.out
    assert "by shift: was 12.5 s behind, is 0 s" in second.out
    assert "asks for no change" in hes("clock", "m", "--set", "--url", node.url).out
    assert [json.loads(asked.body)["set"] for asked in node.asked] == [False, True, True]
    assert hes("clock", "m", "--json", "--url", node.url).json == checked


# -- tree


TREE = {
    "path": "/main", "kind": "Supervisor", "state": "running",
    "totals": {"running": 1, "parked": 1},
    "children_total": 12,
    "children": [
        {"path": "/main/hub", "state": "running", "mailbox": 3, "detail": "9 sockets"},
        {"path": "/main/m1", "state": "parked", "restarts": 5, "crash": "silent for 90 s",
         "crash_ago_s": 4.2, "detail": "\x1b[2J[red]evil"},
    ],
}  # fmt: skip


def test_tree_shows_states_restarts_and_crashes(hes: Any, node: Any) -> None:
    node.answer("GET /api/v1/tree", TREE)
    said = hes("tree", "/main", "--depth", "2", "--url", node.url)
    assert said.code == 0
    assert node.asked[0].query == {"path": "/main", "depth": "2", "limit": "200"}
    for text in ("hub running", "9 sockets", "3 waiting messages", "m1 parked", "5 restarts",
                 "crashed 4 s ago: silent for 90 s", "... and 10 more", "1 parked"):  # fmt: skip
        assert text in said.out
    assert "\x1b" not in said.out
    assert "[red]evil" in said.out


def test_tree_can_leave_out_what_is_well(hes: Any, node: Any) -> None:
    node.answer("GET /api/v1/tree", TREE)
    said = hes("tree", "--unhealthy", "--json", "--url", node.url)
    assert [child["path"] for child in said.json["children"]] == ["/main/m1"]
    assert hes("tree", "--json", "--url", node.url).json == TREE


def test_a_healthy_tree_has_only_its_root_left(hes: Any, node: Any) -> None:
    node.answer(
        "GET /api/v1/tree",
        {
            "path": "/main",
            "state": "running",
            "children": [{"path": "/main/a", "state": "running"}],
        },
    )
    said = hes("tree", "--unhealthy", "--json", "--url", node.url)
    assert (said.json["path"], said.json["children"]) == ("/main", [])


# -- events


def event(position: int, received_at: str = "2026-11-24T03:00:00+00:00") -> dict[str, Any]:
    return {
        "position": position, "stream": "meter:m", "version": position, "type": "Reading/1",
        "received_at": received_at, "device_time": None, "data": {"source": "push"},
    }  # fmt: skip


def page(*events: dict[str, Any], head: int, more: int | None = None) -> dict[str, Any]:
    return {"events": list(events), "next": more, "head": head}


EVENTS = "GET /api/v1/events"


def test_events_are_one_json_object_a_line_over_all_pages(hes: Any, node: Any) -> None:
    node.answer(EVENTS, page(event(3), event(4), head=6, more=4))
    node.answer(EVENTS, page(event(5), event(6), head=6))
    said = hes(
        "events", "--stream", "meter:m", "--type", "Reading", "--after", "2", "--url", node.url
    )
    assert said.code == 0
    assert said.lines == [event(3), event(4), event(5), event(6)]
    first, second = (asked.query for asked in node.asked)
    assert first == {"stream": "meter:m", "type": "Reading", "after": "2", "limit": "500"}
    assert second["after"] == "4"


def test_events_that_come_meanwhile_are_not_chased(hes: Any, node: Any) -> None:
    node.answer(EVENTS, page(event(1), head=2, more=1))
    node.answer(EVENTS, page(event(2), event(3), head=9, more=3))
    said = hes("events", "--url", node.url)
    assert [line["position"] for line in said.lines] == [1, 2]
    assert len(node.asked) == 2


def test_events_can_be_limited(hes: Any, node: Any) -> None:
    node.answer(EVENTS, page(event(1), event(2), event(3), head=3))
    assert len(hes("events", "--limit", "2", "--url", node.url).lines) == 2


def test_as_of_shows_what_was_known_then_even_when_stored_out_of_order(hes: Any, node: Any) -> None:
    node.answer(EVENTS, page(
        event(1, "2026-11-24T03:00:00Z"), event(2, "2026-11-24T03:00:02Z"),
        event(3, "2026-11-24T03:00:01Z"), {**event(4), "received_at": None}, head=4,
    ))  # fmt: skip
    said = hes("events", "--as-of", "2026-11-24T10:00:01+07:00", "--url", node.url)
    assert [line["position"] for line in said.lines] == [1, 3]


def test_as_of_and_follow_exclude_each_other(hes: Any, node: Any) -> None:
    said = hes("events", "--as-of", "now", "--follow", "--url", node.url)
    assert said.code == 2
    assert "take one of them" in said.err


def test_follow_goes_on_from_where_it_was(
    hes: Any, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.cli.commands.events.POLL_S", 0.001)
    node.answer(EVENTS, page(event(1), head=1))
    node.answer(EVENTS, page(head=5))
    node.answer(EVENTS, page(event(6), event(7), head=7))
    said = hes("events", "--follow", "--limit", "3", "--url", node.url)
    assert [line["position"] for line in said.lines] == [1, 6, 7]
    assert [asked.query["after"] for asked in node.asked] == ["0", "1", "5"]


def test_events_for_people_do_nothing_to_their_terminal(
    hes: Any, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.cli.output.for_people", lambda **_: True)
    evil = {**event(1), "data": {"text": "\x1b]0;owned\x07Hà Nội\x9b2J", "none": None}}
    node.answer(EVENTS, page(evil, {**event(2), "data": None, "problem": "damaged"}, head=2))
    said = hes("events", "--url", node.url)
    assert "\x1b" not in said.out
    assert "\x07" not in said.out
    assert "\x9b" not in said.out
    assert "Hà Nội" in said.out
    assert "problem=damaged" in said.out


# -- projections


def test_projections_are_listed(hes: Any, node: Any) -> None:
    rows = [{"name": "latest", "position": 7, "lag": 2, "age_s": 0.25, "poisoned": 3}]
    node.answer("GET /api/v1/projections", {"projections": rows})
    said = hes("projections", "list", "--url", node.url)
    assert said.code == 0
    assert said.out.splitlines()[1].split() == ["latest", "7", "2", "0.2", "3"]
    assert hes("projections", "list", "--json", "--url", node.url).json == {"projections": rows}


def test_a_projection_is_rebuilt_or_verified(hes: Any, node: Any) -> None:
    call = "POST /api/v1/projections/latest/rebuild"
    told = {"name": "latest", "position": 7}
    node.answer(call, {**told, "action": "replaced", "differences": None, "ok": True})
    node.answer(call, {**told, "action": "compared", "differences": 0, "ok": True})
    node.answer(call, {**told, "action": "compared", "differences": 3, "ok": False})
    said = hes("projections", "rebuild", "latest", "--url", node.url)
    assert (said.code, said.out) == (0, "latest was made anew from events 1 to 7, and is in use\n")
    verify = ("projections", "rebuild", "latest", "--verify", "--url", node.url)
    said = hes(*verify)
    assert (said.code, said.out.split(":")[0]) == (0, "latest is right")
    said = hes(*verify)
    assert said.code == 1
    assert "latest is wrong: 3 rows differ" in said.out
    assert [json.loads(asked.body)["verify"] for asked in node.asked] == [False, True, True]


# -- devices


GOOD = "meter_id,modem_id\nm1,d1\nm2,d1\n"
IMPORT = "POST /api/v1/devices"


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    path = tmp_path / "devices.csv"
    path.write_text("\ufeff" + GOOD, encoding="utf-8")
    return path


def test_a_device_list_goes_to_the_node(hes: Any, node: Any, devices: Path) -> None:
    node.answer(IMPORT, {"imported": 2, "unchanged": 5})
    said = hes("devices", "import", str(devices), "--url", node.url)
    assert said.code == 0
    assert said.out == f"2 meters imported, 5 unchanged, into the node at {node.url}\n"
    assert list(csv.reader(node.asked[0].body.splitlines()))[1] == ["m1", "d1"]
    said = hes("devices", "import", str(devices), "--url", node.url, "--json")
    assert said.json == {"imported": 2, "unchanged": 5}


def test_errors_are_told_by_row_and_column_and_nothing_is_sent(
    hes: Any, node: Any, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("meter_id,modem_id,auth\n,d,\nm,d,magic\n")
    said = hes("devices", "import", "bad.csv", "--url", node.url)
    assert said.code == 2
    assert said.err.splitlines() == [
        "hes: bad.csv has errors; nothing was imported",
        "  row 2, column meter_id: must not be empty",
        "  row 3, column auth: 'magic' is none of none, low, gmac, md5, sha1, sha256",
    ]
    assert node.asked == []


def test_errors_that_only_the_node_knows_are_told_alike(hes: Any, node: Any, devices: Path) -> None:
    row = {"row": 2, "column": "meter_type", "problem": "no such type"}
    node.refuse(IMPORT, 422, "the device list has 1 error(s)", [row])
    said = hes("devices", "import", str(devices), "--url", node.url)
    assert said.code == 2
    assert said.err.splitlines()[1] == "  row 2, column meter_type: no such type"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"meter_id,modem_id\nH\xe0,d\n", "is no UTF-8 at byte 19; save it as CSV UTF-8"),
        (b"", "row 1, column meter_id: this column is missing"),
    ],
)
def test_a_file_that_is_no_list_is_told(
    hes: Any, tmp_path: Path, data: bytes | None, told: str
) -> None:
    if data is not None:
        (tmp_path / "x.csv").write_bytes(data)
    said = hes("devices", "import", "x.csv")
    assert said.code == 2
    assert told in said.err


def test_a_node_that_does_not_run_is_told_when_no_store_is_known(
    hes: Any, devices: Path, free_port: int
) -> None:
    said = hes("devices", "import", str(devices), "--url", f"http://127.0.0.1:{free_port}")
    assert said.code == 1
    assert "no node answers at" in said.err


def test_the_list_is_exported(hes: Any, node: Any, tmp_path: Path) -> None:
    node.answer("GET /api/v1/devices", GOOD)
    assert hes("devices", "export", "--url", node.url).out == GOOD
    assert hes("devices", "export", "-o", "out.csv", "--url", node.url).code == 0
    assert (tmp_path / "out.csv").read_text() == GOOD
    said = hes("devices", "export", "-o", "out.csv", "--url", node.url)
    assert said.code == 1
    assert said.err == "hes: out.csv is there already; name a new file\n"
