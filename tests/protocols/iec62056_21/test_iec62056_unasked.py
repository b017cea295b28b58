"""What telegrams of mode D say: plain ones, and those of customer ports (P1)."""

from datetime import UTC, datetime

import pytest

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.stamps import parse_stamp
from protocols.iec62056_21.telegram import Telegram, TelegramReader, crc16
from protocols.iec62056_21.unasked import Unasked, registers_of
from protocols.values import RegistersRead

PLAIN = ("0.0.0(00004711)", "1.8.0(000077.70*kWh)", "0.9.1(120005)", "0.9.2(260301)")
PORT = (
    "1-3:0.2.8(50)", "0-0:1.0.0(260301120005W)", "0-0:96.1.1(53494D34373131)",
    "1-0:1.8.1(000123.456*kWh)", "1-0:1.6.0(260228180000W)(02.345*kW)", "0-0:96.13.0()",
    "0-1:24.2.1(260301110000W)(00112.384*m3)",
)  # fmt: skip
NOON = datetime(2026, 3, 1, 5, 0, 5, tzinfo=UTC)


def telegram(*lines: str, crc: bool = True) -> bytes:
    body = "\r\n".join(("/SIM5TEST", "", *lines, "!")).encode()
    return body + (f"{crc16(body):04X}".encode() if crc else b"") + b"\r\n"


def cut(data: bytes) -> Telegram:
    (found,) = TelegramReader().feed(data)
    return found


def said(*lines: str, options: Iec62056Options | None = None) -> Unasked:
    one = cut(telegram(*lines))
    return registers_of(one, utc_offset_min=420, options=options or Iec62056Options())


def numbers(read: RegistersRead) -> dict[str, object]:
    return {value.obis: (value.value, value.scaler, value.unit) for value in read.values}


def test_a_plain_telegram_has_its_time_in_two_values() -> None:
    found = said(*PLAIN)
    assert (found.read.meter_time, found.names) == (NOON, ("00004711",))
    assert numbers(found.read)["1.0.1.8.0.255"] == (7770, -2, 0x300 | 30)


def test_a_customer_port_puts_times_first_and_its_name_in_hex() -> None:
    found = said(*PORT)
    assert (found.read.meter_time, found.names) == (NOON, ("53494D34373131", "SIM4711"))
    told = numbers(found.read)
    assert told["1.0.1.8.1.255"] == (123456, -3, 0x300 | 30)
    assert told["1.0.1.6.0.255"] == (2345, -3, 0x300 | 27)
    assert told["0.1.24.2.1.255"] == (112384, -3, 13)
    assert told["0.0.96.13.0.255"] == (None, None, None)
    times = {value.obis: value.time for value in found.read.values}
    assert times["1.0.1.6.0.255"] == datetime(2026, 2, 28, 11, tzinfo=UTC)
    assert times["0.1.24.2.1.255"] == datetime(2026, 3, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(("letter", "hour"), [("W", 12), ("S", 11)])
def test_the_letter_of_a_time_says_whether_it_is_summer(letter: str, hour: int) -> None:
    told = parse_stamp(f"260701120000{letter}")
    assert (told.local.hour, told.season) == (hour, 0)


@pytest.mark.parametrize("text", ["260701120000X", "S", "26070112000SS", "261301120000W"])
def test_what_is_no_time_with_a_letter(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_stamp(text)


def test_without_a_time_there_is_none() -> None:
    assert said("1.8.0(1*kWh)").read.meter_time is None
    assert said("1.8.0(1*kWh)", "0-0:1.0.0(garbage)").read.meter_time is None


def test_a_name_in_hex_that_spells_nothing_stays_as_it_is() -> None:
    assert said("1.8.0(1*kWh)", "0-0:96.1.1(0001)").names == ("0001",)
    assert said("1.8.0(1*kWh)", "0-0:96.1.1(  )").names == ()


def test_the_first_of_two_counts_and_a_type_may_name_values() -> None:
    found = said("1.8.0(1*kWh)", "1.8.0(2*kWh)", "X(3*V)",
                 options=Iec62056Options(names={"X": "1.0.32.7.0.255"}))  # fmt: skip
    assert numbers(found.read) == {
        "1.0.1.8.0.255": (1, 0, 0x300 | 30), "1.0.32.7.0.255": (3, 0, 35)
    }  # fmt: skip


@pytest.mark.parametrize("line", ["hello", "1.8.0(1*kWh", "furlong(1)"])
def test_a_telegram_without_values_is_an_error(line: str) -> None:
    with pytest.raises(RemoteProtocolError):
        said(line)


def test_an_answer_to_a_request_looks_alike_and_is_known_by_its_frame() -> None:
    assert not cut(telegram(*PLAIN, crc=False)).asked
    (answer,) = TelegramReader().feed(b"/SIM5TEST\r\n\x021.8.0(1*kWh)\r\n!\r\n\x03\x22")
    assert answer.asked


def test_a_telegram_keeps_its_bytes() -> None:
    assert telegram(*PORT).startswith(cut(telegram(*PORT)).raw)
    assert cut(telegram(*PORT)).raw.endswith(b"\r\n!")


def test_a_name_that_is_no_hex_stands_for_itself() -> None:
    assert said("0.0.0(SIM-4711)", "1.8.0(1*kWh)").names == ("SIM-4711",)
