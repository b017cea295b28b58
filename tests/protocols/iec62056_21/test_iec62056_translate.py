"""The translator: exchanges of our own making, and anything at all."""

import sys
import time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from hes.decoding import find_translators
from protocols.iec62056_21.block_check import EVEN_PARITY
from protocols.iec62056_21.frame import encode_block, encode_command, encode_option, encode_request
from protocols.iec62056_21.telegram import crc16
from protocols.iec62056_21.translate import TRANSLATES, translate

IDENT = b"/XYZ5TEST\r\n"
READOUT = encode_block("F.F(00)\r\n1.8.0(1.5*kWh)\r\n!\r\n")
HEADER = "P.01(0260301233000)(08)(30)(1)(1.5)(kW)\r\n"


def ask(*chunks: bytes, protocol: str = "iec62056-21-C", **more: Any) -> dict[str, Any]:
    return translate({"protocol": protocol, "chunks_hex": [c.hex() for c in chunks]} | more)


def test_it_is_found_by_the_program() -> None:
    assert set(TRANSLATES) <= set(find_translators())


def test_a_whole_readout_with_both_directions() -> None:
    told = ask(encode_request("12"), IDENT, encode_option("0", "5", "0"), READOUT)
    assert told["ok"]
    assert told["messages"] == [
        ["request", "?12!", True], ["ident", "XYZ5TEST", True], ["option", "050", True],
        ["data", "", True],
    ]  # fmt: skip
    assert told["values"] == {"F.F": ["00"], "1.8.0": ["1.5*kWh"]}
    assert (told["data_lines"], told["bcc"], told["ident"]) == (2, told["bcc_computed"], "XYZ5TEST")


def test_one_message_has_a_kind_and_two_have_none() -> None:
    assert ask(encode_request("12"))["kind"] == "request"
    two = ask(encode_request("12"), IDENT)
    assert (len(two["messages"]), two["ok"], "kind" in two) == (2, True, False)


def test_commands_alone_have_no_data() -> None:
    told = ask(encode_command("P1", "(1)"))
    assert (told["ok"], told["kind"], told["command"]) == (True, "command", "P1")
    assert "values" not in told


def test_a_line_that_is_no_identification_is_none() -> None:
    told = ask(b"/1Y\r\n", READOUT)
    assert (told["ok"], told["messages"]) == (True, [["data", "", True]])


def test_a_break_glued_to_data() -> None:
    told = ask(encode_block("1.8.0(1.5*kWh)") + encode_command("B0"))
    assert told["ok"]
    assert told["messages"] == [["data", "", True], ["command", "B0", True]]
    assert told["values"] == {"1.8.0": ["1.5*kWh"]}


@pytest.mark.parametrize("size", range(12, len(IDENT + READOUT) - 1))
def test_a_readout_that_breaks_off_is_truncated(size: int) -> None:
    told = ask((IDENT + READOUT)[:size])
    assert (told["ok"], told["error"]) == (False, "truncated")
    assert told["messages"] == [["ident", "XYZ5TEST", True]]


def test_text_without_frame_that_breaks_off_is_truncated() -> None:
    assert ask(IDENT + b"1.8.0(1*kWh)\r\n!\r\n")["ok"]
    assert ask(IDENT + b"1.8.0(1*kWh)\r\n")["error"] == "truncated"
    assert ask(IDENT + b"1.8.0(1*kWh")["error"] == "truncated"


def test_something_within_an_answer_is_a_wrong_check() -> None:
    told = ask(IDENT + READOUT[:9] + b"HEARTBEAT" + READOUT[9:])
    assert (told["ok"], told["error"]) == (False, "bcc")
    assert told["messages"] == [["ident", "XYZ5TEST", True], ["data", "", False]]


def test_a_meter_that_adds() -> None:
    block = encode_block("1.8.0(1*kWh)", check="sum")
    assert not ask(block)["ok"]
    assert ask(block, check="sum")["ok"]


@pytest.mark.parametrize("text", ["(ER07)", "(ERROR)", "P.200(ERROR)"])
def test_error_answers_are_answers(text: str) -> None:
    told = ask(encode_block(text))
    assert (told["ok"], told["kind"], told["command"], told["data"]) == (True, "data", "", text)
    assert list(told["values"].values()) == [[text.partition("(")[2].rstrip(")")]]


@pytest.mark.parametrize(("raw", "kind"), [(b"\x06", "ack"), (b"\x15", "nak")])
def test_one_character_alone(raw: bytes, kind: str) -> None:
    told = ask(raw)
    assert (told["ok"], told["kind"]) == (True, kind)


def test_parts_and_what_a_client_says_to_them() -> None:
    first = encode_block(HEADER + "(1)\r\n", more=True)
    second, last = encode_block("(2)\r\n", more=True), encode_block("(3)\r\n")
    told = ask(first, second.replace(b"2", b"7"), second, last)
    assert told["ok"]
    assert (told["blocks"], told["replies"]) == (4, ["06", "15", "06", None])
    assert [row["values"]["1.5"] for row in told["rows"]] == ["1", "2", "3"]
    assert [row["at"] for row in told["rows"]][1:] == ["2026-03-02 00:00:00", "2026-03-02 00:30:00"]
    assert ask(first, second)["error"] == "truncated"
    assert ask(first, last.replace(b"3", b"7"))["error"] == "bcc"


@pytest.mark.parametrize("word", ["", "ERROR"])
@pytest.mark.parametrize(("code", "table"), [("P.98", "entries"), ("P.01", "rows")])
def test_an_empty_table_is_a_table_without_rows(code: str, table: str, word: str) -> None:
    text = f"{code}({word})\r\n"
    for told in (ask(encode_block(text)), ask(text.encode(), protocol="iec62056-21-log")):
        assert (told["ok"], told[table], told["values"]) == (True, [], {code: [word]})
        assert not {"rows", "entries"} - {table} & told.keys()
    one = ask(encode_block(f"{code}(7)\r\n"))
    assert table not in one
    # It does not stand for the end of a readout that breaks off.
    assert ask(b"/XYZ5TEST\r\n\r\n" + text.encode())["error"] == "truncated"


def test_a_broken_table_tells_how_much_is_whole() -> None:
    told = ask(b"\x02" + (HEADER + "(1)\r\n(2)\r\n(3").encode(), protocol="iec62056-21-profile")
    assert (told["ok"], told["complete_rows"]) == (False, 2)


def test_a_fragment_may_lack_its_check() -> None:
    bare = READOUT[:-1]
    assert ask(bare, protocol="iec62056-21")["ok"]
    assert not ask(bare)["ok"]
    wrong = bare + bytes((READOUT[-1] ^ 1,))
    assert not ask(wrong, protocol="iec62056-21")["ok"]


def test_parity_is_taken_off_and_told() -> None:
    told = ask(IDENT.translate(EVEN_PARITY), protocol="iec62056-21")
    assert (told["manufacturer"], told["after_strip"]) == ("XYZ", "/XYZ5TEST")
    assert "after_strip" not in ask(IDENT, protocol="iec62056-21")


def test_telegrams_of_mode_d() -> None:
    body = b"/XYZ5TEST\r\n\r\n1-0:1.8.1(1*kWh)\r\n!"
    crc = f"{crc16(body):04X}"
    told = ask(body + crc.encode() + b"\r\n", protocol="iec62056-21-D")
    assert (told["ok"], told["crc"], told["values"]) == (True, crc, {"1-0:1.8.1": ["1*kWh"]})
    wrong = ask(body.replace(b"(1", b"(2") + crc.encode(), protocol="iec62056-21-D")
    assert (wrong["ok"], wrong["error"], wrong["crc"]) == (False, "crc", crc)
    assert ask(body + b"\r\n", protocol="iec62056-21-D")["crc"] is None
    assert ask(body[:-1], protocol="iec62056-21-D")["error"] == "truncated"
    assert ask(b"noise", protocol="iec62056-21-D")["error"] == "framing"
    assert len(ask((body + b"\r\n") * 2, protocol="iec62056-21-D")["telegrams"]) == 2


ALPHABET = b"\x01\x02\x03\x04\x06\x15/!?()*.:P019R5B0\r\n"


@given(
    st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(ALPHABET)).map(bytes)),
    st.sampled_from(TRANSLATES),
)
def test_anything_is_an_answer_or_a_refusal(raw: bytes, protocol: str) -> None:
    told = ask(raw, protocol=protocol)
    assert told["ok"] is told["valid"]
    if not told["ok"]:
        assert told["error"] in {"framing", "truncated", "bcc", "crc", "profile", "time", "size"}
    if protocol != "iec62056-21-D":
        pieces = [raw[at : at + 1] for at in range(len(raw))]
        assert ask(*pieces, protocol=protocol) == told


@pytest.mark.parametrize(
    "pattern",
    [
        b"/",
        b"\x02",
        b"(",
        b"P.01(",
        b"()",
        b"(\r\n)",
        b"()\r\n",
        b"a(1)\r\n(2)\r\n",
        b"/XYZ5\r\n",
        b"!",
    ],
)
@pytest.mark.parametrize("protocol", ["iec62056-21-C", "iec62056-21-D"])
@pytest.mark.skipif(sys.gettrace() is not None, reason="slowed down by a tracer")
def test_no_capture_takes_long(pattern: bytes, protocol: str) -> None:
    kib = 32
    raw = pattern * (kib * 1024 // len(pattern))
    began = time.process_time()
    ask(raw, protocol=protocol)
    assert (time.process_time() - began) / kib < 0.05, "10 ms a KiB, and room for a busy machine"


@pytest.mark.parametrize("request_", [{}, {"raw_hex": "zz"}, {"raw_hex": 5}, {"chunks_hex": "00"}])
def test_bad_requests_are_refused(request_: dict[str, Any]) -> None:
    assert translate({"protocol": "iec62056-21-C"} | request_)["error"] == "hex"
