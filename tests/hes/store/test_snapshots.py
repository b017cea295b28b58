"""Sealing brings the snapshots along: an actor starts without reading a block."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sealed_logs import CODEC, DAY, NOW, Opened, at, opened
from stores import Place

from hes.events.device import CounterReserved
from hes.events.modem_record import RecordsLost
from hes.ids import StreamId
from hes.modem_state import ModemState
from hes.store.block import Block
from hes.store.loading import load_memory, load_state
from hes.store.open import open_codec
from hes.store.port import Append
from hes.store.snapshots import refresh

METER, MODEM = StreamId("meter:1"), StreamId("modem:1")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(f"sqlite:///{tmp_path}/events.db")


def fill(found: Opened) -> None:
    found.log.fence()
    for number in range(1, 120):
        counter = CounterReserved(received_at=at(number), below=number)
        found.log.append([Append(METER, None, [CODEC.encode(counter)])])
        if number % 10 == 0:
            lost = RecordsLost(received_at=at(number), first=number, last=number)
            found.log.append([Append(MODEM, None, [CODEC.encode(lost)])])
    found.log.append([Append("node:main", None, [("Strange/1", b"\x90")])])
    found.log.append([Append("meter:2", None, [("Strange/1", b"\x90")])])


def test_actors_start_in_constant_time_behind_sealed_events(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(place) as found:
        fill(found)
        codec = open_codec(found.log)
        meter = load_state(found.log, codec, METER)
        modem = load_memory(ModemState, found.log, codec, MODEM)
        found.seal(before_segment=partial(refresh, found.log, codec))
        assert found.log.sealed_to() == found.log.head()

        def never(*_: Any) -> None:
            raise AssertionError("a block was read")

        monkeypatch.setattr(Block, "__init__", never)
        assert load_state(found.log, codec, METER) == meter
        assert load_memory(ModemState, found.log, codec, MODEM) == modem
        assert found.log.load_snapshot(METER) == (119, meter[0].snapshot())
        found.log.append(
            [Append(METER, None, [CODEC.encode(CounterReserved(received_at=NOW, below=900))])]
        )
        state, version = load_state(found.log, codec, METER)
        assert (state.counter_reserved, version) == (900, 120)


def test_a_memory_that_cannot_be_made_holds_up_nothing(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        ends = {"meter:1": 119, "meter:2": 1, "node:main": 1, "modem:1": 11}
        codec = open_codec(found.log)
        assert refresh(found.log, codec, ends) == 2
        assert refresh(found.log, codec, ends) == 0
        assert found.log.load_snapshot("meter:2") is None


def test_the_snapshot_of_an_actor_that_is_ahead_is_kept(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        found.log.save_snapshot(METER, 150, b"ahead")
        assert refresh(found.log, open_codec(found.log), {METER: 119}) == 0
        assert found.log.load_snapshot(METER) == (150, b"ahead")
        assert at(1) > DAY
