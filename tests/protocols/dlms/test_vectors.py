"""The recorded and constructed frames of DLMS: whole, in pieces, with noise, and damaged."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from vectors_folder import REASON, cases, load

from protocols.dlms import hdlc_capture
from protocols.dlms.hdlc import HdlcReader
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.dlms.translate import FRAMINGS, SESSIONS, translate
from protocols.dlms.wrapper import WrapperReader

ENTRIES = cases("dlms.json")
SKIPPED = [pytest.param({}, marks=pytest.mark.skip(reason=REASON), id="no-vectors")]
GOOD = {"ok", "quirk"}


def only(wanted: Callable[[dict[str, Any]], bool]) -> list[Any]:
    """Return the entries that a test is about, as its parameters."""
    return [pytest.param(e, id=e["name"]) for e in load("dlms.json") if wanted(e)] or SKIPPED


def is_good(entry: dict[str, Any], *framings: str) -> bool:
    return entry["kind"] in GOOD and entry["framing"] in framings


WHOLE = only(lambda e: e["framing"] not in SESSIONS)
HDLC = only(lambda e: is_good(e, "hdlc", "hdlc-gbt", "hdlc-frame"))
KEYED = only(lambda e: bool(e.get("keys")) and e["kind"] == "ok")
TAGGED = only(
    lambda e: (
        e["kind"] == "ok"
        and e["framing"] not in SESSIONS
        and bool((e.get("keys") or {}).get("ek") and e["keys"].get("ak"))
    )
)
LIVE = only(lambda e: is_good(e, "hdlc", "hdlc-gbt"))
PUSHING = only(lambda e: is_good(e, "hdlc", "hdlc-gbt", "wrapper"))
WRAPPED = only(lambda e: is_good(e, "wrapper"))
BLOCKS = only(lambda e: is_good(e, "hdlc-gbt"))
NOISE = (b"\r\nCONNECT 9600\r\n", bytes(5), b"~~~", b"\x7e\xa5\x21\x93HB", b"\xff~\xa0")


def asked(entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: entry.get(key) for key in ("framing", "hex", "frames_in_order", "keys")} | changes


def check(entry: dict[str, Any], told: dict[str, Any]) -> None:
    kind, _, category = entry["kind"].partition(":")
    assert kind in {"ok", "error", "header-only", "quirk"}
    if kind == "error":
        assert told["ok"] is False
        assert told["error"] == category == entry["expected"]["error"]
        assert set(told) == {"ok", "error", "detail"}
    else:
        assert told == entry["expected"]


@pytest.mark.parametrize("entry", ENTRIES)
def test_translates_as_expected(entry: dict[str, Any]) -> None:
    check(entry, translate(asked(entry)))


@pytest.mark.parametrize("entry", WHOLE)
def test_the_same_in_pieces(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["hex"])
    for size in (1, 7):
        pieces = [raw[at : at + size].hex() for at in range(0, len(raw), size)]
        check(entry, translate(asked(entry, hex=None, chunks_hex=pieces)))


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("entry", HDLC)
def test_noise_around_frames_changes_nothing(entry: dict[str, Any], noise: bytes) -> None:
    check(entry, translate(asked(entry, hex=noise.hex() + entry["hex"])))
    if not re.search(rb"~[\xa0-\xaf]", noise):  # that would be another frame, cut off
        check(entry, translate(asked(entry, hex=entry["hex"] + noise.hex())))


@pytest.mark.parametrize("entry", KEYED)
def test_kept_raw_without_a_key(entry: dict[str, Any]) -> None:
    """Whoever has no key still gets sender, counter and message."""
    told = translate(asked(entry, keys=None))
    assert told["ok"] is True
    for got, wanted in zip(told["apdus"], entry["expected"]["apdus"], strict=True):
        assert got["apdu_hex"] == wanted["apdu_hex"]
        if wanted["apdu"].get("type") == "ciphered":
            assert got["apdu"]["plain"] is None
            counter = wanted["apdu"]["security"]["invocation_counter"]
            assert got["apdu"]["security"]["invocation_counter"] == counter


@pytest.mark.parametrize("entry", TAGGED)
def test_a_wrong_key_never_gives_values(entry: dict[str, Any]) -> None:
    keys = entry["keys"]
    authenticated = [a for a in entry["expected"]["apdus"] if a["apdu"].get("plain_hex")]
    for name in ("ek", "ak"):
        flipped = f"{int(keys[name][:2], 16) ^ 1:02x}" + keys[name][2:]
        told = translate(asked(entry, keys=keys | {name: flipped}))
        dedicated = all(a["apdu"]["security"]["tag"] >= 0xD0 for a in authenticated)
        if authenticated and not (name == "ek" and dedicated):
            assert told["ok"] is False or told != entry["expected"]
            assert told.get("error", "auth-tag") == "auth-tag"


@pytest.mark.parametrize("entry", WHOLE)
def test_every_cut_and_every_flipped_byte_is_answered(entry: dict[str, Any]) -> None:
    """Nothing but an answer comes out, and what is shorter is never taken for the whole."""
    raw = bytes.fromhex(entry["hex"])
    for at in range(0, len(raw), max(1, len(raw) // 150)):
        cut = translate(asked(entry, hex=raw[:at].hex()))
        flipped = raw[:at] + bytes((raw[at] ^ 0x41,)) + raw[at + 1 :]
        assert translate(asked(entry, hex=flipped.hex()))["ok"] in {True, False}
        if entry["kind"] != "ok" or "exception" in entry["name"]:
            assert cut["ok"] in {True, False}  # what is behind the end may be missing
        elif cut["ok"]:
            told, whole = cut["apdus"], entry["expected"]["apdus"]
            assert len(told) < len(whole) or raw[at:] == b"~"
            assert told == whole[: len(told)]
            assert entry["framing"] in {"hdlc", "hdlc-gbt", "wrapper"}


@pytest.mark.parametrize("entry", ENTRIES)
def test_its_framing_is_known(entry: dict[str, Any]) -> None:
    assert entry["framing"] in {*FRAMINGS, *SESSIONS}


def live_messages(pieces: list[bytes]) -> list[bytes]:
    """Return the messages that the live reader joins from HDLC frames that come in pieces."""
    reader = HdlcReader()
    frames = []
    for piece in pieces:
        reader.receive_data(piece)
        while (frame := reader.next_frame()) is not None:
            frames.append(frame)
    return hdlc_capture.join_information(frames)


@pytest.mark.parametrize("entry", LIVE)
def test_the_live_line_cuts_like_the_translator(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["hex"])
    whole = hdlc_capture.join_information(hdlc_capture.read_capture(raw))
    for noise in (b"", b"HB\r\n", b"\x7e\xa7\xff\x01\x02"):
        line = noise + raw
        assert live_messages([line]) == whole
        assert live_messages([line[at : at + 1] for at in range(len(line))]) == whole
        assert live_messages([line[at : at + 64] for at in range(0, len(line), 64)]) == whole


@pytest.mark.parametrize("size", [1, 50, 0])
@pytest.mark.parametrize("entry", PUSHING)
def test_pushes_come_out_of_the_live_reader(entry: dict[str, Any], size: int) -> None:
    """What a device sends by itself comes out once each, however the stream is cut."""
    shown = entry["expected"]["apdus"]
    pushes = [a["apdu_hex"] for a in shown if a["apdu_hex"][:2] in {"0f", "c2", "db", "dc"}]
    raw = bytes.fromhex(entry["hex"])
    got: list[PushFrame] = []
    lost: list[tuple[str, str, bytes]] = []
    reader = PushReader(got.append, lambda *kept: lost.append(kept))
    for at in range(0, len(raw), size or len(raw)):
        reader.feed(raw[at : at + (size or len(raw))])
    assert [frame.apdu.hex() for frame in got] == pushes
    assert not lost


@pytest.mark.parametrize("entry", WRAPPED)
def test_wrapped_messages_are_cut_alike_in_pieces(entry: dict[str, Any]) -> None:
    reader = WrapperReader()
    got = []
    for byte in bytes.fromhex(entry["hex"]):
        reader.receive_data(bytes((byte,)))
        if (wpdu := reader.next_wpdu()) is not None:
            got.append(wpdu.apdu.hex())
    assert got == [a["apdu_hex"] for a in entry["expected"]["apdus"]]


@pytest.mark.parametrize("entry", BLOCKS)
def test_a_block_transfer_that_lost_its_end_is_refused(entry: dict[str, Any]) -> None:
    raw = bytes.fromhex(entry["hex"])
    told = translate(asked(entry, hex=raw[: raw.rindex(b"\x7e\xa0")].hex()))
    assert told["ok"] is False
    assert told["error"] in {"truncated", "gbt-gap"}
