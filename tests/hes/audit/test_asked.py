"""Who wanted what of the system: every kind that names an actor, by time, actor and stream."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_log import METER, Written, a_day, at

from hes.audit.asked import TOPICS, Wanted, asked
from hes.events.base import EVENT_TYPES
from hes.events.node import NodeConfigured, NodeStarted, ReadModelRebuilt, TokenUsed


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    with Written(f"sqlite:///{tmp_path}/e.db") as opened:
        yield opened


def found(w: Written, wanted: Wanted) -> list[str]:
    return [entry.plain()["type"] for entry in asked(w.log, w.codec, wanted)]


def test_every_event_with_an_actor_is_one() -> None:
    named = {topic for topic, kind in EVENT_TYPES.items() if "actor" in kind.__struct_fields__}
    assert named <= TOPICS
    assert {"CommandFinished/1", "ConfigApplied/1", "NodeStarted/1", "FirmwareFailed/1"} <= TOPICS
    assert not {"Reading/1", "Anchored/1", "ModemConnected/1"} & TOPICS


def test_all_of_them_in_order_with_actor_and_reason(written: Written) -> None:
    a_day(written)
    entries = [entry.plain() for entry in asked(written.log, written.codec, Wanted())]
    assert [(entry["type"], entry["actor"]) for entry in entries] == [
        ("DeviceRegistered/1", "an"), ("CommandRequested/1", "binh"),
        ("CommandFinished/1", "binh"), ("DeviceRegistered/1", "an"),
    ]  # fmt: skip
    assert entries[1]["data"]["reason"] == "bill 7"


def test_they_are_chosen_by_time_actor_and_stream(written: Written) -> None:
    a_day(written)
    assert found(written, Wanted(actor="binh")) == ["CommandRequested/1", "CommandFinished/1"]
    assert found(written, Wanted(since=at(0), until=at(1.25))) == ["CommandRequested/1"]
    assert found(written, Wanted(actor="an", stream=METER)) == ["DeviceRegistered/1"]
    assert found(written, Wanted(actor="nobody")) == []


def test_what_the_node_tells_of_itself_is_among_them(written: Written) -> None:
    facts = [
        NodeStarted(received_at=at(0), version="1", pid=1),
        NodeConfigured(received_at=at(0), digest=b"d", settings="{}", actor="os:hes"),
        TokenUsed(received_at=at(1), actor="ops"),
        ReadModelRebuilt(
            received_at=at(2), what="latest", status="replaced", position=3, differences=None,
            actor="ops",
        ),
    ]  # fmt: skip
    written.write("node:main", *facts)
    assert found(written, Wanted()) == [fact.topic for fact in facts]
    assert found(written, Wanted(actor="ops")) == ["TokenUsed/1", "ReadModelRebuilt/1"]
