"""The recorded and constructed frames of DL/T 645."""

from typing import Any

import pytest
from vectors_folder import REASON, load

from protocols.dlt645.translate import TRANSLATES, translate

ENTRIES = [entry for entry in load("meters.json") if entry["protocol"] in TRANSLATES]
CASES = [pytest.param(entry, id=entry["name"]) for entry in ENTRIES] or [
    pytest.param({}, marks=pytest.mark.skip(reason=REASON), id="no-vectors")
]
NOISE = b"\r\nCONNECT 9600\r\n"


def ask(entry: dict[str, Any], chunks: list[bytes]) -> dict[str, Any]:
    asked = {"protocol": entry["protocol"], "chunks_hex": [chunk.hex() for chunk in chunks]}
    return translate(asked | {"own": entry["expected"].get("own")})


def check(entry: dict[str, Any], told: dict[str, Any], *, without: tuple[str, ...] = ()) -> None:
    assert told["ok"] is entry["expected"]["valid"], told
    for key, value in entry["expected"].items():
        if key not in without:
            assert told.get(key) == value, (key, told.get(key), value)


@pytest.mark.parametrize("entry", CASES)
def test_translates_as_expected(entry: dict[str, Any]) -> None:
    asked = {"protocol": entry["protocol"], "raw_hex": entry["raw_hex"]}
    told = translate(asked | {"own": entry["expected"].get("own")})
    check(entry, told)


@pytest.mark.parametrize("entry", CASES)
def test_the_same_however_it_arrives(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    check(entry, ask(entry, [raw[at : at + 1] for at in range(len(raw))]))
    check(entry, ask(entry, [raw[at : at + 7] for at in range(0, len(raw), 7)]))
    if "chunks_hex" in entry:
        check(entry, ask(entry, [bytes.fromhex(chunk) for chunk in entry["chunks_hex"]]))


@pytest.mark.parametrize("entry", CASES)
def test_the_same_with_noise_around_it(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    check(entry, ask(entry, [NOISE, raw]))
    check(entry, ask(entry, [raw, NOISE]), without=("left_over",))
