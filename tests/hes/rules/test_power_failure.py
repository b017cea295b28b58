"""Supply lost and restored: one outage is one, however often and in whatever order it is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st

from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.meter_state import MeterState
from hes.rules import power_failure

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


class Meter:
    """A meter's memory and what it is told; minutes after noon, ours and the meter's."""

    def __init__(self) -> None:
        self.state = MeterState()

    def _take(self, events: list[Any]) -> list[Any]:
        for event in events:
            self.state.apply(event)
        return events

    def failed(self, ours: float, its: float | None, **given: Any) -> list[Any]:
        given.setdefault("sign", PowerSign.METER_EVENT)
        return self._take(
            power_failure.failed(
                failed_at=self.state.failed_at,
                times=self.state.supply,
                received_at=at(ours),
                device_time=None if its is None else at(its),
                **given,
            )
        )

    def restored(self, ours: float, its: float | None, **given: Any) -> list[Any]:
        given.setdefault("sign", PowerSign.METER_EVENT)
        return self._take(
            power_failure.restored(
                failed_at=self.state.failed_at,
                times=self.state.supply,
                received_at=at(ours),
                device_time=None if its is None else at(its),
                **given,
            )
        )


def test_a_last_gasp_begins_an_outage_and_the_meter_that_talks_ends_it() -> None:
    meter = Meter()
    (event,) = meter.failed(0, 0, sign=PowerSign.LAST_GASP, digest=b"12345678")
    assert event == PowerFailure(
        received_at=at(0), device_time=at(0), sign=PowerSign.LAST_GASP, digest=b"12345678"
    )
    (event,) = meter.restored(30, 29, sign=None)
    assert event == PowerRestored(
        received_at=at(30), device_time=at(29), sign=None, outage_s=1800.0
    )
    assert meter.state.failed_at is None


def test_the_same_outage_told_in_three_ways_is_one() -> None:
    meter = Meter()
    assert len(meter.failed(0, 0, sign=PowerSign.LAST_GASP)) == 1
    assert meter.failed(0.1, 0, code=1) == []
    assert len(meter.restored(5, 5, code=2)) == 1
    assert meter.restored(6, 5, code=2) == []
    assert meter.failed(7, 0, code=1) == []  # out of the meter's log, read after the outage
    assert meter.state.failed_at is None


def test_a_failure_older_than_the_last_restoration_is_over() -> None:
    meter = Meter()
    (event,) = meter.restored(5, 5, code=2)
    assert event.outage_s is None
    assert meter.failed(6, 0, code=1) == []
    assert len(meter.failed(20, 19, code=1)) == 1


def test_a_restoration_of_an_earlier_outage_does_not_end_this_one() -> None:
    meter = Meter()
    meter.failed(10, 10)
    assert meter.restored(11, 5, code=2) == []
    assert meter.restored(11, 9, sign=None) == []  # a reading from before, out of the modem's store
    assert meter.state.failed_at == at(10)
    assert len(meter.restored(12, 12, code=2)) == 1


def test_without_times_each_telling_counts_by_the_state_alone() -> None:
    meter = Meter()
    assert len(meter.failed(0, None)) == 1
    assert meter.failed(1, None) == []
    assert len(meter.restored(2, None, sign=None)) == 1
    assert meter.restored(3, None, sign=None) == []
    assert len(meter.failed(4, None)) == 1


def test_a_meter_that_talks_without_a_failure_restores_nothing() -> None:
    assert Meter().restored(0, 0, sign=None) == []


def test_a_clock_in_the_next_century_hides_no_later_failure() -> None:
    meter = Meter()
    century = 60 * 24 * 36_525
    assert len(meter.restored(0, century, code=2)) == 1
    assert len(meter.failed(1, 1)) == 1
    meter = Meter()
    meter.failed(0, century)
    assert len(meter.restored(1, 1)) == 1


tellings = st.tuples(
    st.sampled_from(["failed", "restored", "talks"]), st.one_of(st.none(), st.integers(-60, 60))
)


@given(st.lists(tellings, max_size=30))
def test_failures_and_ends_alternate_and_talking_now_always_ends_an_outage(
    told: list[tuple[str, int | None]],
) -> None:
    meter, open_since = Meter(), None
    for minute, (what, its) in enumerate(told):
        if what == "failed":
            events = meter.failed(minute, its)
        else:
            sign = PowerSign.METER_EVENT if what == "restored" else None
            events = meter.restored(minute, its, sign=sign)
        for event in events:
            if isinstance(event, PowerFailure):
                assert open_since is None
                open_since = minute
            elif open_since is not None:
                assert event.outage_s == (minute - open_since) * 60
                open_since = None
            else:
                assert event.outage_s is None
                assert event.sign is not None
        assert (meter.state.failed_at is None) == (open_since is None)
    meter.restored(100, 100, sign=None)
    assert meter.state.failed_at is None
