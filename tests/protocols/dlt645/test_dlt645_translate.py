"""The translator, with frames of our own making."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from protocols.dlt645.frame import encode_frame
from protocols.dlt645.load_record import encode_record
from protocols.dlt645.translate import translate

ME = "000012345678"


def ask(*frames: bytes, protocol: str = "dlt645-2007", **more: Any) -> dict[str, Any]:
    return translate({"protocol": protocol, "raw_hex": b"".join(frames).hex()} | more)


def answer(di: int, data: str, *, control: int = 0x91, old: bool = False) -> bytes:
    name = di.to_bytes(2 if old else 4, "little")
    return encode_frame(ME, control, name + bytes.fromhex(data))


@pytest.mark.parametrize(
    ("di", "data", "values"),
    [
        (0x00010000, "45230100", ["123.45"]),
        (0x0001FF00, "45230100" + "01000000", ["123.45", "0.01"]),
        (0x0000FF00, "45230180", ["-123.45"]),
        (0x0202FF00, "341280 ffffff 010000", ["-1.234", None, "0.001"]),
        (0x01010000, "4523011508011126",
         [{"value": "1.2345", "unit": "kW", "at": "2026-11-01 08:15"}]),
        (0x01010000, "ff" * 8, [None]),
        (0x01010000, "010000" + "ff" * 5, [{"value": "0.0001", "unit": "kW", "at": None}]),
        (0x01030000, "4523011508011126",
         [{"value": "1.2345", "unit": "kvar", "at": "2026-11-01 08:15"}]),
        (0x02800002, "9849", ["49.98"]),
        (0x03110000, "270000", "000027"),
        (0x04000101, "05281126", "26112805"),
        (0x05060001, "0000011126", "2026-11-01 00:00"),
        (0x05060001, "ffffffffff", None),
        (0x05060101, "45230100 01000000", ["123.45", "0.01"]),
        (0x04000D0D, "", None),
        (0x00010000, "4a230100", None),
    ],
)  # fmt: skip
def test_answers_of_2007(di: int, data: str, values: Any) -> None:
    told = ask(answer(di, data))
    assert (told["ok"], told["addr"], told["ctrl"], told["di"]) == (True, ME, "91", f"{di:08X}")
    assert told["values"] == values


@pytest.mark.parametrize(
    ("di", "data", "values"),
    [
        (0x9010, "45230100", "123.45"),
        (0x901F, "45230100 01000000 aa", ["123.45", "0.01"]),
        (0xA010, "452301", "1.2345"),
        (0xB611, "3102", "231"),
        (0xB621, "3412", "12.34"),
        (0xC011, "042222", "222204"),
    ],
)
def test_answers_of_1997(di: int, data: str, values: Any) -> None:
    told = ask(answer(di, data, control=0x81, old=True), protocol="dlt645-1997")
    assert told["values"] == {f"{di:04X}": values}


def test_load_records_by_code() -> None:
    record = encode_record(bytes.fromhex("3008011126"), [b"", b"", b"", bytes(16), b"", b""])
    (told,) = ask(answer(0x06000001, record.hex()))["values"]
    assert told["at"] == "2026-11-01 08:30"
    assert told["values"]["1.0.1.8.0.255"] == "0.00"


def test_refusals_and_requests() -> None:
    assert ask(encode_frame(ME, 0xD1, b"\x06"))["errors"] == [
        "no requested data", "wrong password / not authorised"
    ]  # fmt: skip
    assert ask(encode_frame(ME, 0xD1))["errors"] == []
    request = answer(0x00010000, "", control=0x11)
    told = ask(request, own="12345678")
    assert (told["di"], told["asked"], told["match"]) == ("00010000", ME, True)
    assert ask(request, own="12345679")["match"] is False
    assert "match" not in ask(request)
    assert "di" not in ask(encode_frame(ME, 0x93, bytes(6)))


@pytest.mark.parametrize(
    ("asked", "control", "new", "old"),
    [
        ("999999999999", 0x11, False, True), ("999999999999", 0x01, False, True),
        ("999999999999", 0x08, True, True), ("999999999999", 0x16, True, True),
        ("999999999999", 0x1D, True, True), ("999999999999", 0x14, False, True),
        ("aaaaaaaaaaaa", 0x11, True, True), ("aaaaaaaaaaaa", 0x13, True, True),
        ("aaaaaaaaaaaa", 0x14, False, True), ("aaaaaaaaaaaa", 0x1C, False, True),
        ("aaaaaaaaaaaa", 0x04, True, False), ("aaaaaaaaaa78", 0x14, True, True),
        ("aaaaaaaaaa79", 0x11, False, False), ("0000123456aa", 0x11, False, False),
        ("aaaa12aa5678", 0x11, False, False),
    ],
)  # fmt: skip
def test_whom_a_request_means(asked: str, control: int, new: bool, old: bool) -> None:
    request = encode_frame(asked, control, bytes.fromhex("00000100"))
    assert ask(request, own="12345678")["match"] is new
    assert ask(request, own="12345678", protocol="dlt645-1997")["match"] is old


def test_parts_of_one_answer() -> None:
    first, last = answer(0x0001FF00, "0102", control=0xB1), answer(0x0001FF00, "0301", control=0x92)
    told = ask(first, last)
    assert (told["frames"], told["reassembled"], told["seq"]) == (2, "010203", [None, 1])
    wanted = encode_frame(ME, 0x12, bytes.fromhex("00ff010001")).hex()
    assert told["requests"] == [wanted]
    old = [answer(0x901F, data, control=c, old=True) for data, c in (("01", 0xA1), ("02", 0x82))]
    told = ask(*old, protocol="dlt645-1997")
    assert (told["reassembled"], told["seq"]) == ("0102", [None, None])
    assert told["requests"] == [encode_frame(ME, 0x02, bytes.fromhex("1f90")).hex()]


@pytest.mark.parametrize(
    "parts",
    [
        [(0x0001FF00, "01", 0xB1), (0x0001FF00, "0202", 0x92)],
        [(0x0001FF00, "01", 0xB1), (0x0002FF00, "0201", 0x92)],
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: list[tuple[int, str, int]]) -> None:
    told = ask(*(answer(di, data, control=control) for di, data, control in parts))
    assert (told["ok"], told["error"]) == (False, "follow-up")


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (answer(0x00010000, "45230100")[:-3], "truncated"),
        (answer(0x00010000, "45230100")[:-2] + b"\x00\x16", "checksum"),
        (answer(0x00010000, "45230100")[:-1] + b"\x17", "framing"),
        (b"", "framing"),
    ],
)
def test_what_is_no_frame_is_refused(frame: bytes, error: str) -> None:
    told = ask(frame)
    assert (told["ok"], told["error"]) == (False, error)


def test_a_frame_behind_a_false_start_is_told_after_the_silence() -> None:
    told = ask(bytes.fromhex("680000000000006811c8"), answer(0x00010000, "45230100"))
    assert (told["ok"], told["after_idle_timeout"], told["left_over"]) == (True, True, 0)


def test_what_is_no_capture_is_refused() -> None:
    for wrong in ({"raw_hex": "zz"}, {}, {"chunks_hex": 5}, {"raw_hex": None}):
        assert translate({"protocol": "dlt645-2007"} | wrong)["error"] == "hex"


@settings(deadline=None)
@given(st.binary(max_size=250), st.integers(0, 255), st.binary(max_size=200), st.booleans())
def test_anything_is_told_somehow(noise: bytes, control: int, data: bytes, old: bool) -> None:
    protocol = "dlt645-1997" if old else "dlt645-2007"
    told = ask(noise, encode_frame(ME, control, data), protocol=protocol)
    assert isinstance(told["ok"], bool)
