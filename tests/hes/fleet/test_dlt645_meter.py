"""The simulated DL/T 645 meter, as a meter that knows nothing of the driver."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings, strategies as st

from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.dlt645_values import ZONE
from protocols.dlt645.frame import Frame, FrameReader, encode_frame
from protocols.dlt645.load_record import decode_records
from protocols.errors import LocalProtocolError

NOW = datetime(2026, 11, 28, 6, 0, 17, tzinfo=UTC)  # 13:00:17 where the meter is
ME = "000012345678"


def meter(*, old: bool = False, now: datetime = NOW, drift_s: float = 0.0) -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial="12345678", old=old)
    return SimulatedDlt645Meter(plan, world=lambda: now, drift_s=drift_s)


def ask(m: SimulatedDlt645Meter, control: int, data: str = "", address: str = ME) -> Frame | None:
    answer = m.receive(encode_frame(address, control, bytes.fromhex(data)))
    frames = FrameReader().feed(answer)
    assert len(frames) <= 1
    return frames[0] if frames else None


def number(m: SimulatedDlt645Meter, di: int, size: int = 4) -> int:
    name = di.to_bytes(2 if m.plan.old else 4, "little").hex()
    answer = ask(m, 0x01 if m.plan.old else 0x11, name)
    assert answer is not None
    return int(answer.data[len(name) // 2 :][:size][::-1].hex())


@pytest.mark.parametrize("address", [ME, "aa" * 6, "aaaaaaaa5678", "aaaaaaaaaa78"])
def test_it_answers_who_means_it(address: str) -> None:
    answer = ask(meter(), 0x11, "00000100", address)
    assert answer is not None
    assert (answer.address, answer.control, answer.data[:4].hex()) == (ME, 0x91, "00000100")


@pytest.mark.parametrize("address", ["12345679", "aaaaaaaa5679", "99" * 6])
def test_it_is_silent_to_others(address: str) -> None:
    assert ask(meter(), 0x11, "00000100", address) is None


def test_old_meters_answer_reads_to_everybody() -> None:
    answer = ask(meter(old=True), 0x01, "1090", "99" * 6)
    assert answer is not None
    assert (answer.address, answer.control) == (ME, 0x81)


def test_it_tells_its_address() -> None:
    answer = ask(meter(), 0x13, "", "aa" * 6)
    assert answer is not None
    assert (answer.control, answer.data.hex()) == (0x93, "785634120000")
    assert ask(meter(old=True), 0x13, "", "aa" * 6) is None


@pytest.mark.parametrize(
    ("old", "control", "name", "refused"),
    [
        (False, 0x11, "00007700", 0xD1), (False, 0x11, "00000007", 0xD1),
        (False, 0x11, "000c0102", 0xD1), (False, 0x11, "00050102", 0xD1),
        (False, 0x11, "0500010200", 0xD1), (False, 0x12, "0000010001", 0xD2),
        (False, 0x11, "01000006", 0xD1), (False, 0x11, "0100000601ff", 0xD1),
        (False, 0x11, "0100000601aa08011126", 0xD1), (False, 0x11, "0100000601000000000000", 0xD1),
        (False, 0x11, "01050605", 0xD1), (False, 0x11, "ff000503", 0xD1),
        (True, 0x01, "7091", 0xC1), (True, 0x01, "70b6", 0xC1), (True, 0x01, "14b6", 0xC1),
        (True, 0x01, "0000", 0xC1), (True, 0x02, "1090", 0xC2),
    ],
)  # fmt: skip
def test_what_it_does_not_have_it_refuses(old: bool, control: int, name: str, refused: int) -> None:
    answer = ask(meter(old=old), control, name)
    assert answer is not None
    assert (answer.control, answer.data) == (refused, b"\x02")


def test_rates_add_up_and_time_does_not_turn_back() -> None:
    m = meter()
    total = number(m, 0x00010000)
    assert total == sum(number(m, 0x00010000 | rate << 8) for rate in (1, 2, 3, 4))
    later = meter(now=NOW + timedelta(hours=2))
    latched = [number(m, 0x00010000 | back) for back in (12, 2, 1)]
    assert latched == sorted(latched)
    assert latched[-1] < total < number(later, 0x00010000)


def test_old_and_new_show_the_same_energy() -> None:
    assert number(meter(), 0x00010000) == number(meter(old=True), 0x9010)
    assert number(meter(), 0x00010201) == number(meter(old=True), 0x9412)


def test_the_load_profile_agrees_with_the_register() -> None:
    answer = ask(meter(), 0x11, "0100000602" + "0012281126")
    assert answer is not None
    first, second = decode_records(answer.data[4:])
    assert [record.time.hex() for record in (first, second)] == ["0012281126", "3012281126"]
    then = meter(now=datetime(2026, 11, 28, 12, 0, tzinfo=ZONE))
    assert first.values["1.0.1.8.0.255"] == number(then, 0x00010000)
    assert ask(meter(), 0x11, "0200000601") is not None


def test_a_past_event_has_a_begin_and_an_end() -> None:
    m = meter()
    m.values.events[0x03110000] = [(NOW, NOW + timedelta(seconds=5))]
    assert number(m, 0x03110000, 3) == 1
    answer = ask(m, 0x11, "01001103")
    assert answer is not None
    assert answer.data[4:].hex() == "170013281126" + "220013281126"
    empty = ask(m, 0x11, "02001103")
    assert empty is not None
    assert empty.data[4:] == bytes(12)


# -- the clock; the words of the rule: at most 5 minutes, once a day, not within 5 of midnight


@pytest.mark.parametrize(
    ("meter_shows", "told", "taken"),
    [
        ("13:00:00", "13:05:00", True),
        ("13:00:00", "13:05:01", False),
        ("13:00:00", "12:55:00", True),
        ("00:04:59", "00:05:30", False),
        ("00:05:01", "00:05:30", True),
        ("23:55:30", "23:55:40", False),
    ],
)
def test_what_it_takes_from_a_broadcast(meter_shows: str, told: str, taken: bool) -> None:
    now = datetime.fromisoformat(f"2026-11-28T{meter_shows}+07:00")
    m = meter(now=now)
    wanted = datetime.fromisoformat(f"2026-11-28T{told}+07:00")
    assert ask(m, 0x08, wanted.strftime("%S%M%H%d%m%y"), "99" * 6) is None
    assert (m.clock.now() == wanted) is taken


def test_it_takes_one_broadcast_a_day() -> None:
    m = meter()
    for second, seen in ((30, 30), (40, 30)):
        ask(m, 0x08, f"{second}0013281126", "99" * 6)
        assert m.clock.now().second == seen
    for nonsense in ("300013281326", "", "ffffffffffff", "000000000000"):
        ask(meter(), 0x08, nonsense, "99" * 6)


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        ("02010004" + "02000000" + "00000000" + "304512", (0x94, b"")),
        ("02010004" + "02000001" + "00000000" + "304512", (0xD4, b"\x04")),
        ("02010004" + "02000000" + "00000000" + "304525", (0xD4, b"\x01")),
        ("02010004" + "02000000" + "00000000" + "3045", (0xD4, b"\x01")),
        ("02010004" + "02000000" + "00000000" + "ffffff", (0xD4, b"\x01")),
        ("09090904" + "02000000" + "00000000" + "304512", (0xD4, b"\x01")),
        ("02010004", (0xD4, b"\x04")),
    ],
)
def test_what_may_be_written(data: str, answered: tuple[int, bytes]) -> None:
    m = meter()
    answer = ask(m, 0x14, data)
    assert answer is not None
    assert (answer.control, answer.data) == answered
    changed = datetime(2026, 11, 28, 12, 45, 30, tzinfo=ZONE)
    assert (m.clock.now() == changed) is (answered[0] == 0x94)
    assert ask(m, 0x14, data, "aa" * 6) is None


def test_a_freeze_keeps_the_values_of_that_moment() -> None:
    m = meter()
    assert ask(m, 0x16, "99999999", "99" * 6) is None
    answer = ask(m, 0x16, "00000199")
    assert answer is not None
    assert (answer.control, len(m.values.freezes)) == (0x96, 1)
    frozen = number(m, 0x05010101)
    assert frozen == number(m, 0x00010000)


def test_it_pushes_nothing_and_keeps_its_state() -> None:
    m = meter()
    m.reset()
    assert (m.push(confirmed=True), m.last_gasp(), m.confirmed, m.invoke_id) == (b"", b"", [], 0)


@settings(deadline=None)
@given(st.integers(0, 255), st.binary(max_size=40), st.booleans(), st.binary(max_size=40))
def test_anything_may_be_asked(control: int, data: bytes, old: bool, noise: bytes) -> None:
    m = meter(old=old)
    try:
        request = encode_frame(ME, control, data)
    except LocalProtocolError:
        return
    for sent in (noise, request, request):
        m.receive(sent)
