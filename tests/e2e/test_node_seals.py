"""A whole node seals what is old beside its work, and says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trio
from meter_days import DAY, batches_of, events_of_days
from sealed_logs import CODEC, opened
from stores import Place

from hes.app.demo import demo_config
from hes.app.serve import open_running
from hes.clock import SystemClock
from hes.events.log_life import LogSealed
from hes.store.chain import Verifier
from hes.store.holds import STREAM
from hes.store.port import Append

METERS = 4
EVENTS = 48 * METERS


class LaterClock:
    """The clock of the machine, moved to a week and a half behind the day of the meters."""

    def __init__(self) -> None:
        self._ahead = DAY + timedelta(days=10) - SystemClock().now()

    def now(self) -> datetime:
        return (SystemClock().now() + self._ahead).astimezone(UTC)


async def test_a_node_seals_old_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hes.app.sealing_job.START_S", 0.05)
    config = demo_config(tmp_path, 0)
    place = Place(str(config.store.url))
    with opened(place) as found:
        found.log.fence()
        for batch in batches_of(events_of_days("pushes", METERS), 100):
            found.log.append([Append(name, None, [CODEC.encode(event)]) for name, event in batch])
        before = found.log.read(0, EVENTS)
    with trio.fail_after(30):
        async with open_running(config, LaterClock()) as running, httpx.AsyncClient() as http:
            facts = running.node.view.facts
            while (told := facts().sealing) is None or told.looked_at is None:  # noqa: ASYNC110
                await trio.sleep(0.02)
            answer = await http.get(f"{running.web_url}/api/v1/system")
            ref = running.tree.find_child("sealing")
            assert ref is not None
            assert ref.actor is not None
            assert ref.actor.detail() == f"events up to {EVENTS} are sealed"
    assert answer.json()["system"]["sealing"]["position"] == EVENTS
    with opened(place) as found:
        assert found.log.sealed_to() == EVENTS
        assert found.log.read(0, EVENTS) == before
        sealed = [CODEC.decode(row.topic, row.state) for row in found.log.read_stream(STREAM, 0, 9)]
        assert [
            (one.first, one.last, one.actor) for one in sealed if isinstance(one, LogSealed)
        ] == [
            (1, 34 * METERS, f"node:{config.node.name}"),
            (34 * METERS + 1, EVENTS, f"node:{config.node.name}"),
        ]
        verifier = Verifier()
        assert list(verifier.take(found.log.read_chained(0, 10_000))) == []
        assert verifier.end(found.log.head()) is None
