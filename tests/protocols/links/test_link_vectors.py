"""The recorded frames of links, whole and in every way they can be cut."""

from typing import Any

import pytest
from link_tools import cuts
from vectors_folder import REASON, load

from hes.decoding import find_translators
from protocols.hml1.frame import FrameReader, encode_frame
from protocols.links.classify import classify

LINKS = {
    "q/gdw-376.1", "dlt698.45", "hongdian-ddp", "four-faith-prot", "ascii-registration",
    "dsmr4-push", "smr5-push",
}  # fmt: skip
WITH_MARK = {"q/gdw-376.1", "dlt698.45", "hongdian-ddp"}
NOISE = b"\r\nCONNECT 9600\r\n"
TRANSLATORS = find_translators()


def cases(entries: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["name"]) for entry in entries] or [
        pytest.param({}, marks=pytest.mark.skip(reason=REASON), id="no-vectors")
    ]


ENTRIES = [entry for entry in load("meters.json") if entry["protocol"] in LINKS]
HML1 = load("hml1.json")


def check(entry: dict[str, Any], chunks: list[bytes], *, noisy: bool = False) -> None:
    asked = {"protocol": entry["protocol"], "chunks_hex": [chunk.hex() for chunk in chunks]}
    told = TRANSLATORS[entry["protocol"]](asked)
    assert told["ok"] is told["valid"] is entry["expected"]["valid"], told
    for key, value in entry["expected"].items():
        if key != "sniff" or told["ok"] or not noisy:
            assert told.get(key) == value, (key, told.get(key), value)


@pytest.mark.parametrize("entry", cases(ENTRIES))
def test_translates_as_expected_however_it_arrives(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    for size in (1, 2, 3, 7, len(raw)):
        check(entry, cuts(raw, size))
    assert classify(raw) == entry["expected"]["sniff"]


@pytest.mark.parametrize("entry", cases([e for e in ENTRIES if e["protocol"] in WITH_MARK]))
def test_noise_around_it_changes_nothing(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    check(entry, [NOISE, raw], noisy=True)
    check(entry, [b"\x68\x7b\x68", *cuts(raw)], noisy=True)
    if entry["expected"].get("form") != "header16":  # its data have no end
        check(entry, [raw, NOISE], noisy=True)


@pytest.mark.parametrize("entry", cases(HML1))
def test_native_frames(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["raw_hex"])
    for chunks in ([raw], cuts(raw), [NOISE, raw, NOISE], [b"\x89\x10", raw]):
        asked = {
            "chunks_hex": [chunk.hex() for chunk in chunks],
            "session_key": entry.get("session_key"),
        }
        told = TRANSLATORS["hml1"](asked)
        assert told["ok"] is entry.get("valid", True)
        if not told["ok"]:
            continue
        assert told["sniff"] == "hml1"
        if "session_key" in entry:
            assert told["signature_ok"] is True
        if "record" in entry:
            assert told["record"] == entry["record"]
        if "alarm" in entry:
            shown = told["alarm"]
            assert f"{shown['code']} = {shown['means'].replace('-', ' ')}" in entry["alarm"]["code"]
            assert [shown[k] for k in ("at", "clock", "meter")] == [
                entry["alarm"][k] for k in ("at", "clock", "meter")
            ]
        if told["type"] not in {"CFG_RESULT", "FW_STATUS", "CFG_SET", "FW_OFFER"}:
            assert set(told.get("tlv", {})) >= set(entry.get("tlv", {}))
        assert encode_frame(FrameReader().feed(raw)[0]) == raw
