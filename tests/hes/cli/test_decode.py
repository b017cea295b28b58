import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from hes import decoding
from hes.decoding import answer_line, answer_lines, find_translators
from protocols.dlms.apdu_ciphered import encode_ciphered
from protocols.dlms.security import protect

TRANSLATORS = find_translators()
GET = b'{"protocol": "dlms", "framing": "axdr", "hex": "0600000539"}'


def answers(text: bytes) -> list[dict[str, Any]]:
    return list(answer_lines(io.BytesIO(text), TRANSLATORS))


def test_dlms_is_found_by_itself() -> None:
    assert "dlms" in TRANSLATORS


def test_a_frame_is_translated() -> None:
    assert answers(GET + b"\n") == [{"ok": True, "value": 1337}]


@pytest.mark.parametrize(
    "line",
    [
        b'{"protocol": "dlms", "framing": "axdr", "raw_hex": "0600000539"}',
        b'{"framing": "axdr", "hex": "06 00 00 05 39"}',
        b'  {"framing": "axdr", "hex": "0600000539", "name": "x", "keys": null}\r',
    ],
)
def test_the_frame_may_be_called_raw_hex_and_the_protocol_left_out(line: bytes) -> None:
    assert answers(line) == [{"ok": True, "value": 1337}]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"{", "json"),
        (b"[]", "json"),
        (b"3", "json"),
        (b'"\xff"', "json"),
        (b"[" * 100_000, "json"),
        (b"1" * 10_000, "json"),
        (b'{"protocol": "morse", "hex": "00"}', "unsupported"),
        (b'{"protocol": ["dlms"], "hex": "00"}', "unsupported"),
        (b'{"hex": "00"}', "unsupported"),
        (b'{"protocol": "dlms", "framing": "axdr", "hex": "0g"}', "hex"),
        (b'{"protocol": "dlms", "framing": "axdr", "hex": "06"}', "truncated"),
        (b'{"protocol": "dlms", "framing": "smoke", "hex": "06"}', "framing"),
        (b'{"protocol": "\\ud800", "hex": "06"}', "unsupported"),
    ],
)
def test_a_bad_line_gets_its_answer_and_the_next_goes_on(line: bytes, error: str) -> None:
    first, second = answers(line + b"\n" + GET)
    assert (first["ok"], first["error"]) == (False, error)
    assert isinstance(first["detail"], str)
    assert second["ok"]


def test_blank_lines_are_no_frames() -> None:
    assert len(answers(b"\n  \n" + GET + b"\n\n" + GET)) == 2


def test_an_endless_line_is_refused_once_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LINE_SIZE_MAX", 1000)
    first, second = answers(b"x" * 300_000 + b"\n" + GET)
    assert (first["error"], second["ok"]) == ("json", True)
    assert "more than 1000 bytes" in first["detail"]
    assert [a["error"] for a in answers(b"x" * 300_000)] == ["json"]


@given(st.binary(max_size=200))
def test_any_line_has_an_answer_that_is_json(line: bytes) -> None:
    answer = answer_line(line, TRANSLATORS)
    assert answer["ok"] in {True, False}
    json.dumps(answer)


def test_the_command_answers_line_by_line(hes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = io.TextIOWrapper(io.BytesIO(GET + b"\nrubbish\n" + GET + b"\n"))
    monkeypatch.setattr(sys, "stdin", source)
    said = hes("decode")
    assert said.code == 0
    assert [line["ok"] for line in said.lines] == [True, False, True]


def test_what_nobody_could_verify_is_told_beside_the_answer(
    hes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, title = bytes(range(16)), b"MTR\x00\x00\x00\x00\x07"
    push = bytes.fromhex("0f000000010006000000ff")
    message = protect(push, title=title, control=0x30, counter=1, key=key, ak=b"a" * 16)
    line = {"framing": "apdu", "hex": encode_ciphered(0xDB, message, title).hex()}
    asked = [line | {"keys": {"ek": key.hex(), "ak": ak}} for ak in (None, (b"a" * 16).hex())]
    source = io.BytesIO("".join(json.dumps(one) + "\n" for one in asked).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(source))
    said = hes("decode")
    assert said.lines[0] == said.lines[1], "the answer has the shape of the contract"
    assert said.lines[0]["apdus"][0]["apdu"]["plain_hex"] == push.hex()
    assert said.err.count("not verified") == 1
    assert said.err.startswith("answer 1: ")


def test_an_answer_comes_before_the_next_question() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hes", "decode"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(GET + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == {"ok": True, "value": 1337}
        process.stdin.close()
        assert process.wait(10) == 0


VECTORS = os.environ.get("HES_TEST_VECTORS", "")


@pytest.mark.skipif(not VECTORS, reason="HES_TEST_VECTORS names no folder with recorded frames")
def test_recorded_frames_are_answered_as_expected() -> None:
    entries = json.loads((Path(VECTORS) / "dlms.json").read_text())
    asked = "".join(json.dumps({"protocol": "dlms", **entry}) + "\n" for entry in entries)
    told = answers(asked.encode())
    assert len(told) == len(entries)
    for entry, answer in zip(entries, told, strict=True):
        expected = entry["expected"]
        if expected.get("ok", True):
            assert answer == expected, entry["name"]
        else:
            assert (answer["ok"], answer["error"]) == (False, expected["error"]), entry["name"]
