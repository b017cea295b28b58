"""What the type of a meter changes in how its messages and its log are judged."""

from datetime import timedelta
from typing import Any

import pytest
from actor_bench import START, Bench, device, settled
from meter_reads import M1, reads, scripted_driver
from scripted_meter import (
    ENERGY,
    VOLTAGE,
    WIRED,
    ScriptedDriver,
    clock,
    event_of,
    push_of,
    register,
    registers,
)
from trio.testing import MockClock

from actors.drivers.base import Collected
from actors.meter_messages import Collect, Perform
from hes.commands import CommandFailed, ReadProfile, ReadRegisters
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import (
    FailureReason,
    LoadProfileRead,
    PushKept,
    ReadFailed,
    Reading,
    Source,
)
from hes.obis import PROFILES
from hes.rules.collection import Wanted
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.wrapper import encode_wpdu
from protocols.meter_types.loading import load
from protocols.meter_types.shipped import shipped_types
from protocols.values import ProfileRead, ReadValue, TableRow

HEAD = 'protocol = "dlms"\ntitle = "Odd"\nsource = "this test"\n'
EVENT = "0.0.96.11.0.255"
ODD = device(framing="wrapper", meter_type="odd")
T = [f"1.0.1.8.{tariff}.255" for tariff in range(4)]


async def heard(text: str, *said: bytes) -> Bench:
    """Return a bench whose meter, of a type with ``text``, has said something."""
    bench = Bench([ODD])
    bench.context.take_meter_types(shipped_types().with_own([load("odd", HEAD + text)]))
    async with bench.run():
        call = await bench.call_in()
        for one in said:
            call.say(one)
            await settled()
    return bench


def codes(bench: Bench) -> list[list[str]]:
    return [[c.obis for c in reading.layout.channels] for reading in bench.of_meter(Reading)]


def bare(number: int, *values: bytes) -> bytes:
    """Return a push of values without names."""
    time = encode_time(START, utc_offset_min=420)
    body = ax.structure(*values)
    return encode_wpdu(1, 103, encode_data_notification(number, time, body))


BARE = """
[[options.pushes]]
first = "V1"
values = [
  {},
  { obis = "1.0.1.8.0.255", scaler = 1, unit = "Wh" },
  { obis = "1.0.32.7.0.255", scaler = -1, unit = "V" },
]
"""


async def test_bare_values_are_read_as_the_type_says(autojump_clock: MockClock) -> None:
    message = bare(1, ax.octets(b"V1"), ax.u32(777), ax.u16(2301))
    bench = await heard(BARE, message)
    (reading,) = bench.of_meter(Reading)
    assert reading.values == (777, 2301)
    told = [(c.obis, c.scaler, c.unit) for c in reading.layout.channels]
    assert told == [(ENERGY, 1, 30), (VOLTAGE, -1, 35)]
    assert reading.device_time == START
    assert bench.of_meter(PushKept) == []


async def test_bare_values_of_another_length_are_kept(autojump_clock: MockClock) -> None:
    bench = await heard(BARE, bare(1, ax.octets(b"V1"), ax.u32(777)))
    (kept,) = bench.of_meter(PushKept)
    assert kept.reason == "positional"
    assert bench.of_meter(Reading) == []


async def test_tariffs_of_pushes_are_those_of_reads(autojump_clock: MockClock) -> None:
    # The second and third are of a shape that is known by then.
    said = [push_of(n, *(register(code, n) for code in T), at=START) for n in (1, 2, 3)]
    bench = await heard("[options]\nrates = [3, 1]", *said)
    assert codes(bench) == [[T[0], T[2], T[1]]] * 3  # rate 2 is no tariff
    assert [reading.values for reading in bench.of_meter(Reading)] == [(n, n, n) for n in (1, 2, 3)]


async def test_each_value_stays_with_its_name(autojump_clock: MockClock) -> None:
    said = [
        push_of(n, *(register(code, 10 * n + i) for i, code in enumerate(T)), at=START)
        for n in (1, 2)
    ]
    bench = await heard("[options]\nrates = [3, 1]", *said)
    told = [
        dict(zip([c.obis for c in r.layout.channels], r.values, strict=True))
        for r in bench.of_meter(Reading)
    ]
    assert told == [{T[0]: 10 * n, T[1]: 10 * n + 3, T[2]: 10 * n + 1} for n in (1, 2)]


async def test_scalers_of_the_type_count_before_the_first_read(autojump_clock: MockClock) -> None:
    value = ax.structure(ax.octets(obis_bytes(ENERGY)), ax.u32(5))
    text = '[options.scales]\n"1.0.1.8.0.255" = { scaler = 1, unit = "Wh" }'
    bench = await heard(text, push_of(1, value, at=START), push_of(2, value, at=START))
    assert {
        (c.scaler, c.unit) for r in bench.of_meter(Reading) for c in r.layout.channels
    } == {(1, 30)}  # fmt: skip


@pytest.mark.parametrize(
    ("meter_type", "code", "names"),
    [
        ("", 40, ["terminal-cover-opened"]),
        ("", 80, [None]),
        ("dsmr4", 80, ["voltage-sag-l1"]),
        ("smr5", 80, ["over-voltage-l1"]),
        ("", 249, [None]),
    ],
)
async def test_a_code_has_the_name_that_its_type_gives_it(
    autojump_clock: MockClock, meter_type: str, code: int, names: list[str | None]
) -> None:
    async with Bench([device(framing="wrapper", meter_type=meter_type)]).run() as bench:
        call = await bench.call_in()
        call.say(event_of(EVENT, ax.u8(code), at=START))
        await settled()
        events = bench.of_meter(MeterEvent)
        assert [(event.code, event.name) for event in events] == [(code, name) for name in names]


async def test_the_type_says_which_code_is_a_power_failure(autojump_clock: MockClock) -> None:
    text = '[events.codes]\n1 = "tariff-changed"\n[events.bits]\n0x80 = "power-down"\n'
    text += '0x40 = "clock-set"'
    said = [event_of(EVENT, ax.u8(code), at=START + timedelta(seconds=code)) for code in (1, 0xC0)]
    bench = await heard(text, *said)
    assert [event.name for event in bench.of_meter(MeterEvent)] == [
        "tariff-changed", "power-down", "clock-set",
    ]  # fmt: skip
    (failure,) = bench.of_meter(PowerFailure)
    assert failure.code == 0xC0
    assert bench.of_meter(PowerRestored) == []


async def test_other_types_count_as_soon_as_they_are_known(autojump_clock: MockClock) -> None:
    async with Bench([ODD]).run() as bench:
        call = await bench.call_in()
        for number, text in enumerate(("", '[events.codes]\n99 = "clock-set"')):
            bench.context.take_meter_types(shipped_types().with_own([load("odd", HEAD + text)]))
            call.say(event_of(EVENT, ax.u8(99), at=START + timedelta(seconds=number)))
            await settled()
        assert [event.name for event in bench.of_meter(MeterEvent)] == [None, "clock-set"]


# -- reads


async def test_the_schedule_tells_that_a_type_is_not_known(autojump_clock: MockClock) -> None:
    async with Bench([ODD]).run() as bench:
        call = await bench.call_in()
        bench.meter().tell(Collect(1800.0))
        await settled()
        (failed,) = bench.of_meter(ReadFailed)
        assert (failed.source, failed.reason) == (Source.SCHEDULED, FailureReason.INTERNAL)
        assert "'odd' of dlms is not known here" in failed.detail
        assert call.take() == b""


async def test_a_type_that_is_not_known_is_told_to_who_asks(autojump_clock: MockClock) -> None:
    async with Bench([ODD]).run() as bench:
        call = await bench.call_in()
        ask = ReadRegisters(meter=M1, obis=(ENERGY,), actor="ann")
        with pytest.raises(CommandFailed, match="the meter type 'odd' of dlms is not known here"):
            await bench.meter().ask(Perform(ask, 60.0), 61.0)
        assert call.take() == b""  # nothing was asked in the generic way


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> ScriptedDriver:
    return scripted_driver(monkeypatch)


def log_of(*entries: tuple[int, Any]) -> ProfileRead:
    """Return an event log: minutes before the start, and a code."""
    rows = [TableRow(START - timedelta(minutes=ago), None, (code,)) for ago, code in entries]
    return ProfileRead(PROFILES["events"], None, [ReadValue(EVENT, None, class_id=1)], rows)


LOG = ReadProfile(
    meter=M1, profile=PROFILES["events"], start=START - timedelta(days=1), end=START, actor="ann"
)


async def test_entries_of_a_log_are_events_by_name_and_once(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    dsmr = device(framing="wrapper", meter_type="dsmr4")
    async with reads(driver, of=dsmr) as made:
        driver.answers += [log_of((9, 1), (8, 2)), log_of((9, 1), (8, 2), (7, 249))]
        await made.ask(LOG)
        await made.ask(LOG)
        events = made.bench.of_meter(MeterEvent)
        assert [(e.code, e.name) for e in events] == [
            (1, "power-down"), (2, "power-up"), (249, None)
        ]  # fmt: skip
        assert len(made.bench.of_meter(LoadProfileRead)) == 2


async def test_the_schedule_brings_them_too(
    autojump_clock: MockClock, driver: ScriptedDriver
) -> None:
    wanted = Wanted(profiles=(PROFILES["events"],))
    async with reads(driver, of=WIRED, collection=wanted) as made:
        log = log_of((9, 44))
        await made.collect(Collected(clock(), registers(1), {PROFILES["events"]: log}))
        assert [e.name for e in made.bench.of_meter(MeterEvent)] == ["meter-cover-opened"]
