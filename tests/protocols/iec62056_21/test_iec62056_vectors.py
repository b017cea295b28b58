"""The recorded and constructed exchanges of IEC 62056-21."""

from typing import Any

import pytest
from vectors_folder import REASON, load

from protocols.iec62056_21.translate import TRANSLATES, translate

ENTRIES = [entry for entry in load("meters.json") if entry["protocol"] in TRANSLATES]
CASES = [pytest.param(entry, id=entry["name"]) for entry in ENTRIES] or [
    pytest.param({}, marks=pytest.mark.skip(reason=REASON), id="no-vectors")
]
NOISE = b"\r\nCONNECT 9600\r\n"
UGLY = bytes((0x00, 0xFF, 0x13, 0x55, 0x2F, 0x2F, 0xAA, 0x41))
FALSE_START = b"\x02ABC"
MARKED = (b"/", b"\xaf", b"\x01", b"\x02")
"""What begins with one of these has a mark by which its beginning is known."""
SENTENCES = ("why",)
"""Words for people: ours are other ones."""


def ask(entry: dict[str, Any], chunks: list[bytes]) -> dict[str, Any]:
    return translate(
        {"protocol": entry["protocol"], "chunks_hex": [chunk.hex() for chunk in chunks]}
    )


def check(entry: dict[str, Any], told: dict[str, Any]) -> None:
    expected = entry["expected"]
    assert told["ok"] is expected["valid"], told
    for key, value in expected.items():
        if key in SENTENCES:
            continue
        if key == "values":
            assert {name: told["values"].get(name) for name in value} == value
        else:
            assert told.get(key) == value, (key, told.get(key), value)


@pytest.mark.parametrize("entry", CASES)
def test_translates_as_expected(entry: dict[str, Any]) -> None:
    check(entry, translate({"protocol": entry["protocol"], "raw_hex": entry["raw_hex"]}))


@pytest.mark.parametrize("entry", CASES)
def test_the_same_however_it_arrives(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    whole = ask(entry, [raw])
    for size in (1, 2, 3, 7):
        assert ask(entry, [raw[at : at + size] for at in range(0, len(raw), size)]) == whole
    if "chunks_hex" in entry:
        assert ask(entry, [bytes.fromhex(chunk) for chunk in entry["chunks_hex"]]) == whole


@pytest.mark.parametrize("entry", CASES)
def test_the_same_with_noise_around_it(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    check(entry, ask(entry, [NOISE, raw]))
    check(entry, ask(entry, [UGLY, raw]))
    if raw.startswith(MARKED) and entry["expected"]["valid"]:
        check(entry, ask(entry, [FALSE_START, raw]))
    if entry["expected"].get("complete_rows") is None:  # noise behind a broken row belongs to it
        check(entry, ask(entry, [raw, NOISE]))
        check(entry, ask(entry, [raw, UGLY]))
        check(entry, ask(entry, [UGLY, raw, UGLY]))
