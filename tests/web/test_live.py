"""The live feed over real sockets: snapshot, then deltas whose numbers follow it."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import trio
import trio_websocket

from hes.events.base import Recorded
from hes.events.commit import Commit, Part
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure, PowerSign
from hes.tree import ActorStatus
from web.options import WebOptions


def recorded(position: int, stream: str, event: Any) -> Recorded:
    return Recorded(position, stream, 1, event)


def commit_of(events: Sequence[Recorded]) -> Commit:
    return Commit([Part(r.position, r.stream, r.version, [r.event]) for r in events])


def tell(site: Any, *events: Recorded) -> None:
    """Let the node have stored events, and its read models have seen them."""
    site.server.news.on_events(commit_of(events))
    site.server.news.on_commit([], events[-1].position)


@pytest.mark.parametrize(
    ("topic", "url"),
    [
        ("overview", "/api/v1/overview"),
        ("meter:1", "/api/v1/meters/1"),
        ("alarms", "/api/v1/alarms?open=true"),
        ("tree", "/api/v1/tree"),
    ],
)
async def test_a_topic_begins_with_what_the_api_answers(
    site: Any, http: Any, topic: str, url: str
) -> None:
    async with site.live(topic) as listener:
        told = await listener.hear()
    assert told == {"topic": topic, "seq": 0, "snapshot": (await http.get(url)).json()}


async def test_the_other_topics_begin_with_little(site: Any) -> None:
    async with site.live("meters", "events", "modems") as listener:
        told = {each["topic"]: each["snapshot"] for each in [await listener.hear() for _ in "123"]}
    assert told["meters"] == {"total": 10}
    assert told["events"] == {"head": 0}
    assert [view["modem_id"] for view in told["modems"]["modems"]] == ["861", "860"]


async def test_a_changed_meter_is_told_once_a_tick_however_often_it_changed(site: Any) -> None:
    async with site.live("meters") as listener:
        await listener.hear()
        for position in range(1, 6):
            site.server.news.on_commit([("meters", "3"), ("meters", "4")], position)
        told = await listener.hear()
    assert told["seq"] == 1
    assert [row["meter_id"] for row in told["delta"]] == ["3", "4"]
    asked = [keys for method, keys in site.node.read_model.asked if method == "meter_rows"]
    assert asked == [{"meter_ids": ["3", "4"]}]


async def test_rows_that_nobody_listens_for_are_not_fetched(site: Any, until: Any) -> None:
    site.server.news.on_commit([("meters", "3"), ("alarms", "meter:3"), ("modems", "861")], 1)
    await until(lambda: not (site.server.news._meters or site.server.news._modems))
    assert site.node.read_model.asked == []


async def test_alarms_and_modems_that_changed_are_told(site: Any) -> None:
    async with site.live("alarms") as listener:
        await listener.hear()
        site.server.news.on_commit([("alarms", "meter:1")], 1)
        assert [row["id"] for row in (await listener.hear())["delta"]] == [8]
    async with site.live("modems") as listener:
        await listener.hear()
        site.server.news.on_commit([("modems", "860")], 2)
        assert [view["modem_id"] for view in (await listener.hear())["delta"]] == ["860"]


async def test_a_meter_tells_readings_events_its_row_and_alarms(
    site: Any, reading: Any, until: Any
) -> None:
    at = reading.received_at
    async with site.live("meter:1") as listener:
        await listener.hear()
        tell(
            site,
            recorded(1, "meter:2", reading),
            recorded(2, "meter:1", reading),
            recorded(3, "meter:1", MeterEvent(received_at=at, code=9, name=None, obis="0.0.1")),
            recorded(4, "meter:1", PowerFailure(received_at=at, sign=PowerSign.LAST_GASP)),
        )  # fmt: skip
        site.server.news.on_commit([("meters", "1"), ("alarms", "meter:1")], 4)
        items: list[Any] = []
        while len(items) < 7:
            items += (await listener.hear())["delta"]
    kinds = [item["kind"] for item in items]
    assert kinds[:5] == ["reading"] * 3 + ["event"] * 2
    assert sorted(kinds[5:]) == ["alarm", "row"]
    assert items[1]["data"]["value"] == "230.7"
    assert [item["data"]["name"] for item in items[3:5]] == [None, "power-failure"]


async def test_intervals_are_told_to_the_page_of_their_meter(site: Any, profile: Any) -> None:
    async with site.live("meter:1") as listener:
        await listener.hear()
        tell(site, recorded(1, "meter:1", profile))
        told = await listener.hear()
    assert [item["kind"] for item in told["delta"]] == ["interval", "interval"]
    assert told["delta"][0]["data"]["values"] == {
        "1.0.1.29.0.255": {"value": "1.501", "unit": "Wh"}
    }


async def test_events_wait_until_the_read_models_have_them(site: Any, reading: Any) -> None:
    async with site.live("events") as listener:
        await listener.hear()
        site.server.news.on_events(commit_of([recorded(n, "meter:1", reading) for n in (1, 2, 3)]))
        site.server.news.on_commit([], 2)
        told = await listener.hear()
        assert [event["position"] for event in told["delta"]] == [1, 2]
        site.server.news.on_commit([], 3)
        assert [event["position"] for event in (await listener.hear())["delta"]] == [3]


async def test_events_that_the_read_models_saw_first_are_told_at_once(
    site: Any, reading: Any
) -> None:
    async with site.live("events") as listener:
        await listener.hear()
        site.server.news.on_commit([], 2)
        site.server.news.on_events(commit_of([recorded(n, "meter:1", reading) for n in (1, 2, 3)]))
        told = await listener.hear()
        assert [event["position"] for event in told["delta"]] == [1, 2]


async def test_of_very_many_events_some_are_shown_and_the_others_counted(
    site: Any, reading: Any
) -> None:
    async with site.live("events") as listener:
        await listener.hear()
        tell(site, *(recorded(n, "meter:1", reading) for n in range(1, 201)))
        told = await listener.hear()
    assert [event["position"] for event in told["delta"][:-1]] == list(range(1, 51))
    assert told["delta"][-1] == {"skipped": 150}


async def test_the_overview_tells_only_what_changed(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.news.OVERVIEW_S", 0.05)
    async with site.live("overview") as listener:
        await listener.hear()
        changed: dict[str, int] = {}
        while list(changed) != ["readings_last_hour"]:  # after somebody joined, everything once
            site.node.read_model.readings_last_hour += 1
            [changed] = (await listener.hear())["delta"]
        assert changed["readings_last_hour"] > 42


async def test_a_crash_is_told_at_once_and_other_actors_when_they_differ(
    site: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr("web.news.TREE_S", 0.05)
    async with site.live("tree") as listener:
        await listener.hear()
        feed, news = site.server.web.feed, site.server.news
        await until(lambda: news._statuses and not (feed._fresh or feed._topics["tree"].pending))
        hub = site.node.actors["/main/hub"]
        site.node.actors["/main/hub"] = msgspec.structs.replace(hub, uptime_s=5.0)
        site.node.actors["/main/modem"] = ActorStatus(
            path="/main/modem", kind="Modem", state="backoff", crash="boom"
        )
        site.server.news.on_actor("/main/modem")
        site.server.news.on_actor("/main/gone")
        crashes: list[Any] = []
        while not any(crash for _, crash in crashes):
            told = await listener.hear()
            crashes = [(node["path"], node["crash"]) for node in told["delta"]]
    assert crashes == [("/main/modem", "boom")]


async def test_numbers_follow_the_snapshot_without_a_gap_for_all_who_join_at_any_time(
    site: Any,
) -> None:
    """Rows change all the time while listeners come: each must be able to follow the numbers."""
    done = trio.Event()

    async def change() -> None:
        position = 0
        while not done.is_set():
            position += 1
            site.server.news.on_commit([("meters", str(position))], position)
            await trio.sleep(0.003)

    async def listen(after_s: float) -> None:
        await trio.sleep(after_s)
        async with site.live("meters") as listener:
            first = await listener.hear()
            assert "snapshot" in first
            seqs = [(await listener.hear())["seq"] for _ in range(20)]
        assert seqs == [first["seq"] + n for n in range(1, 21)]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(change)
        async with trio.open_nursery() as listeners:
            for n in range(20):
                listeners.start_soon(listen, n * 0.011)
        done.set()


async def test_what_is_told_while_a_snapshot_is_made_follows_it(site: Any, until: Any) -> None:
    gate = trio.Event()
    sources = site.server.web.feed._sources
    make = sources["meters"]

    async def slow(key: str) -> Any:
        body = await make(key)
        await gate.wait()
        return body

    sources["meters"] = slow
    feed = site.server.web.feed
    async with site.live("meters") as listener:
        await until(lambda: site.node.read_model.asked)
        for n in range(3):
            before = feed.statistics().encoded
            feed.publish("meters", {"n": n})
            await until(lambda before=before: feed.statistics().encoded > before)
        gate.set()
        told = [await listener.hear() for _ in range(4)]
    assert [each["seq"] for each in told] == [0, 1, 2, 3]
    assert "snapshot" in told[0]
    assert [each["delta"] for each in told[1:]] == [[{"n": 0}], [{"n": 1}], [{"n": 2}]]


async def test_a_frame_is_encoded_once_for_all_who_listen(site: Any, until: Any) -> None:
    feed = site.server.web.feed
    async with trio.open_nursery() as nursery:
        heard: list[Any] = []

        async def listen() -> None:
            async with site.live("meters") as listener:
                await listener.hear()
                heard.append((await listener.hear())["delta"])

        for _ in range(30):
            nursery.start_soon(listen)
        await until(lambda: feed.statistics().snapshots and feed.statistics().sent >= 30)
        before = feed.statistics()
        feed.publish("meters", {"n": 1})
    after = feed.statistics()
    assert heard == [[{"n": 1}]] * 30
    assert (after.encoded - before.encoded, after.sent - before.sent) == (1, 30)


async def test_who_unsubscribes_hears_no_more_and_may_come_back(site: Any, until: Any) -> None:
    feed = site.server.web.feed
    async with site.live("meters", "events") as listener:
        await listener.hear()
        await listener.hear()
        await listener.say({"unsubscribe": ["meters", "meters", "overview"]})
        await until(lambda: not feed.is_heard("meters"))
        feed.publish("meters", {"n": 1})
        feed.publish("events", {"n": 2})
        assert (await listener.hear())["delta"] == [{"n": 2}]
        await listener.say({"subscribe": ["meters", "meters"]})
        assert "snapshot" in await listener.hear()


async def test_after_everybody_left_nothing_is_kept(site: Any, until: Any) -> None:
    feed = site.server.web.feed
    async with site.live("meters", "meter:1") as listener:
        await listener.hear()
    await until(lambda: (feed.statistics().clients, feed.statistics().topics) == (0, 0))


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("{", "makes no sense"),
        ('{"subscribe":"meters"}', "Expected `array`"),
        ('{"subscrib":[]}', "unknown field"),
        ('{"subscribe":["nothing"]}', "no topic 'nothing'; known: overview"),
        ('{"subscribe":["meter:"]}', "no topic"),
        ('{"subscribe":["meters:1"]}', "no topic"),
        ('{"subscribe":["meter:' + "1" * 200 + '"]}', "no topic"),
        ('{"subscribe":["meter:nobody"]}', "no meter nobody"),
    ],
)
async def test_nonsense_gets_a_sentence_and_the_connection_stays(
    site: Any, message: str, says: str
) -> None:
    async with site.live() as listener:
        await listener.say(message)
        assert says in (await listener.hear())["error"]["message"]
        await listener.say({"subscribe": ["events"]})
        assert "snapshot" in await listener.hear()


async def test_too_much_nonsense_ends_it(site: Any) -> None:
    async with site.live() as listener:
        for _ in range(5):
            await listener.say("nonsense")
        for _ in range(5):
            assert "error" in await listener.hear()
        with pytest.raises(trio_websocket.ConnectionClosed) as end:
            await listener.hear()
    assert end.value.reason.code == 1008


async def test_a_huge_message_ends_it(site: Any) -> None:
    async with site.live() as listener:
        await listener.say('"' + "x" * 20_000 + '"')
        with pytest.raises(trio_websocket.ConnectionClosed) as end:
            await listener.hear()
    assert end.value.reason.code == 1009


async def test_too_many_topics_are_refused(site: Any) -> None:
    async with site.live(*(f"meter:{n}" for n in range(33))) as listener:
        told = [await listener.hear() for _ in range(33)]
    [refusal] = [each["error"] for each in told if "error" in each]
    assert refusal["code"] == "too-many"


async def test_more_listeners_than_allowed_are_sent_away(serve: Any) -> None:
    async with serve(WebOptions(live_max=1, tick_s=0.02)) as site, site.live("events") as listener:
        await listener.hear()
        assert await site.handshake() == 503


async def test_a_database_that_is_away_is_said_and_the_snapshot_comes_later(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.live.SNAPSHOT_RETRY_S", 0.05)
    site.node.read_model.away = True
    async with site.live("meters") as listener:
        error = (await listener.hear())["error"]
        assert (error["code"], error["detail"]) == ("unavailable", {"topic": "meters"})
        site.node.read_model.away = False
        while "error" in (told := await listener.hear()):
            pass
        assert told["snapshot"] == {"total": 10}


async def test_rows_that_could_not_be_fetched_are_told_later(site: Any) -> None:
    async with site.live("meters") as listener:
        await listener.hear()
        site.node.read_model.away = True
        site.server.news.on_commit([("meters", "3")], 1)
        await trio.sleep(0.1)
        site.node.read_model.away = False
        assert [row["meter_id"] for row in (await listener.hear())["delta"]] == ["3"]


async def test_a_quiet_connection_is_pinged(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.live.PING_S", 0.05)
    async with await site.raw() as stream:
        await stream.send_all(
            (
                f"GET /live HTTP/1.1\r\nHost: {site.host}\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            ).encode()
        )
        got = b""
        with trio.fail_after(5):
            while not got.endswith(b"\x89\x00"):
                got += await stream.receive_some()
    assert b" 101 " in got
