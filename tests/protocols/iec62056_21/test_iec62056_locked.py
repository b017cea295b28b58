"""Meters that give no reads without the password, and those that take no commands at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from iec62056_talk import B0, ENERGY, IDENT, P0, Script, scripted, talk
from pump import converse

from actors.drivers.base import Collected, DriverWorld, ProfileWanted
from actors.drivers.iec62056_21 import Iec62056Driver
from hes.devices import Device
from hes.ids import MeterId, ModemId
from protocols.errors import MeterRefused, MeterSilent
from protocols.iec62056_21.clock import read_clock
from protocols.iec62056_21.frame import encode_block
from protocols.iec62056_21.registers import read_registers

EXPORT = "1.0.2.8.0.255"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOWN = encode_block("0.9.1(101112)\r\n0.9.2(260301)\r\n1.8.0(1.5*kWh)\r\n!\r\n")


class Locked(Script):
    """Says no to reads until the password was sent, and right."""

    def __init__(self, no: bytes, right: bytes = b"\x06", **answers: bytes | list[bytes]) -> None:
        usual = {"call": IDENT, "program": P0, "R5": encode_block("1.8.0(1.5*kWh)")}
        super().__init__(**usual | answers)
        self.no = no
        self.right = right
        self.open = False

    def __call__(self, sent: bytes) -> bytes:
        name = self.name(sent)
        if name in {"call", "B0"}:
            self.open = False
        if name == "P1":
            self.open = self.right == b"\x06"
            self.asked.append(sent)
            return self.right
        if name.startswith("R") and not self.open:
            self.asked.append(sent)
            return self.no
        return super().__call__(sent)

    @property
    def commands(self) -> list[str]:
        """What was sent in programming mode."""
        return [name for name in map(self.name, self.asked) if name[0] in "RP"]


ERROR = encode_block("(ER03)")


@pytest.mark.parametrize(
    ("no", "first"),
    [
        (ERROR, ["R5", "P1", "R5"]),
        (b"\x15", ["R5", "R1", "P1", "R1", "R5"]),
        (b"", ["R5", "P1", "R1", "R5"]),
        (B0, ["R5", "R5", "P1", "R5"]),
    ],
)
def test_the_password_is_tried_where_reads_fail_and_then_always_sent_first(
    no: bytes, first: list[str]
) -> None:
    wire, ours = Locked(no, R1=b"\x15"), talk(registers_by="commands")
    asked = [ENERGY] if no in {ERROR, B0} else [EXPORT, ENERGY]
    found = converse(read_registers(ours, asked), wire)
    assert found.values[-1].value == 15
    assert wire.commands == first
    converse(ours.close(), wire)
    assert converse(read_registers(ours, [ENERGY]), wire).values[0].value == 15
    assert wire.commands[len(first) :] == ["P1", "R5"]


@pytest.mark.parametrize("verdict", [b"\x15", B0, encode_block("(ER01)"), b""])
@pytest.mark.parametrize("no", [ERROR, b"\x15", b"", B0])
def test_a_wrong_password_is_tried_once_and_never_again(no: bytes, verdict: bytes) -> None:
    wire, ours = Locked(no, right=verdict), talk(registers_by="commands")
    for _ in range(3):
        try:
            assert converse(read_registers(ours, [ENERGY, EXPORT]), wire).values == []
        except MeterRefused:
            assert no == B0
    assert wire.count("P1") == 1


@pytest.mark.parametrize("how", [{"password": ""}, {"login": "never"}])
@pytest.mark.parametrize("no", [ERROR, b"\x15", b""])
def test_without_a_password_or_where_a_type_says_so_none_is_tried(
    no: bytes, how: dict[str, str]
) -> None:
    wire = Locked(no)
    found = converse(read_registers(talk(registers_by="commands", **how), [ENERGY]), wire)
    assert (set(found.refused), wire.count("P1")) == ({ENERGY}, 0)


def test_a_meter_that_answered_a_read_is_never_sent_the_password_for_one() -> None:
    good, no = encode_block("1.8.0(1.5*kWh)"), encode_block("(ER07)")
    wire = scripted(R5=[good, no, no], R1=no, P1=b"\x06")
    found = converse(read_registers(talk(registers_by="commands"), [ENERGY, EXPORT]), wire)
    assert (list(found.refused), wire.count("P1")) == ([EXPORT], 0)


def test_a_password_that_never_helps_is_given_up() -> None:
    no = encode_block("(ER07)")
    wire, ours = scripted(R5=no, R1=no, P1=b"\x06"), talk(registers_by="commands")
    for session in range(1, 6):
        assert converse(read_registers(ours, [ENERGY, EXPORT]), wire).refused
        converse(ours.close(), wire)
        assert wire.count("P1") == min(session, 3), "once in a session, in three of them"


def test_the_password_helps_though_the_first_value_asked_for_is_none() -> None:
    answers = [encode_block("(ER07)"), encode_block("2.8.0(1*kWh)")]
    wire = Locked(ERROR, R5=answers, R1=b"\x15")
    found = converse(read_registers(talk(registers_by="commands"), [ENERGY, EXPORT]), wire)
    assert (list(found.refused), found.values[0].value) == ([ENERGY], 1)


# -- no programming mode


def driver() -> Iec62056Driver:
    device = Device(
        meter_id=MeterId("m"), modem_id=ModemId("x"), protocol="iec62056-21", address="12345",
        password="00000000",
    )  # fmt: skip
    world = DriverWorld(
        now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
    )  # fmt: skip
    return Iec62056Driver(device, world)


def collect(ours: Iec62056Driver, wire: Any) -> Collected:
    wanted = [ProfileWanted("load", NOW - timedelta(hours=2), NOW)]
    found: Collected = converse(ours.collect((), wanted), wire)
    return found


@pytest.mark.parametrize(("instead", "asked"), [(SHOWN, 1), (b"", 2)])
def test_a_meter_that_only_shows_its_readout_tells_registers_and_clock(
    instead: bytes, asked: int
) -> None:
    wire, ours = scripted(readout=SHOWN, program=instead), driver()
    for sessions in (3, 4, 5):
        found = collect(ours, wire)
        assert found.registers is not None
        assert [value.value for value in found.registers.values] == [15]
        assert found.clock is not None
        assert found.clock.meter_time.isoformat() == "2026-03-01T03:11:12+00:00"
        assert list(found.refused) == ["load"]
        assert wire.count("program") == asked * sessions, "later one try is enough"


def test_a_meter_that_learns_to_take_commands_is_asked_for_its_profile_again() -> None:
    table = encode_block("P.01(0260301180000)(00)(30)(1)(1.5)(kW)\r\n(1)\r\n")
    clock = [encode_block("0.9.2(260301)"), encode_block("0.9.1(101112)")]
    wire = scripted(readout=SHOWN, program=[b"", b"", b"", b"", b"", b"", P0], R6=table, R5=clock)
    ours = driver()
    assert list(collect(ours, wire).refused) == ["load"]
    found = collect(ours, wire)
    assert (found.refused, len(found.profiles["load"].rows)) == ({}, 1)


@pytest.mark.parametrize("no", [B0, b"\x15"])
def test_the_clock_of_a_meter_that_answers_no_command_is_read_from_the_readout(no: bytes) -> None:
    told = converse(read_clock(talk(password="")), scripted(R5=no, R1=no, readout=SHOWN))
    assert told.stamp.local.isoformat() == "2026-03-01T10:11:12"


def test_a_table_that_nobody_answers_is_asked_for_once_in_each_form() -> None:
    wire = scripted(readout=SHOWN, R5=SHOWN, P1=b"\x06")
    found = collect(driver(), wire)
    assert found.registers is not None
    assert (wire.count("R6"), list(found.refused)) == (2, ["load"])


def test_registers_are_kept_when_the_meter_has_gone_before_its_clock() -> None:
    wire = scripted(call=[IDENT], readout=SHOWN)
    found = collect(driver(), wire)
    assert found.registers is not None
    assert list(found.refused) == ["clock", "load"]
    with pytest.raises(MeterSilent):
        collect(driver(), scripted(call=b""))


def test_nonsense_in_place_of_a_clock_or_a_profile_costs_nothing_else() -> None:
    nonsense = encode_block("0.9.1(half past nine)")
    wire = scripted(
        readout=SHOWN, R5=nonsense, R6=encode_block("P.01(1)(2)(3)(4)\r\n(5)\r\n"), P1=b"\x06"
    )
    found = collect(driver(), wire)
    assert found.registers is not None
    assert "load" in found.refused
