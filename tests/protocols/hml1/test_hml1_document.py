"""The specification says what the program does: its examples, its tables, its numbers."""

import re
from pathlib import Path

import pytest

from protocols.hml1 import handshake
from protocols.hml1.frame import Frame, FrameReader, encode_frame
from protocols.hml1.kinds import Kind, Tag
from protocols.hml1.peer import Peer
from protocols.hml1.states import HEAD_END, MODEM
from protocols.hml1.tlv import decode_tlv
from protocols.hml1.translate import translate

TEXT = (Path(__file__).parents[3] / "docs/protocols/hml1.md").read_text()
EXAMPLES = [
    (name, who, bytes.fromhex(text))
    for name, who, text in re.findall(r"### (\w+) \(([\w-]+)\)\n\n```hex\n([0-9a-f\n]+)```", TEXT)
]
SECRET = bytes(range(32))
NONCES = handshake.Nonces(bytes.fromhex("a1a2a3a4a5a6a7a8"), bytes.fromhex("b1b2b3b4b5b6b7b8"))
NAME = "862000000000042"


def frames() -> dict[str, Frame]:
    return {name: FrameReader().feed(raw)[0] for name, _, raw in EXAMPLES}


@pytest.mark.parametrize(("name", "_who", "raw"), EXAMPLES, ids=[name for name, *_ in EXAMPLES])
def test_every_example_is_one_good_frame(name: str, _who: str, raw: bytes) -> None:
    frame = FrameReader().feed(raw)[0]
    assert (Kind(frame.kind).name, encode_frame(frame)) == (name, raw)
    told = translate({"raw_hex": raw.hex()})
    assert (told["ok"], told["type"], "problem" in told) == (True, name, False)


def test_the_example_is_a_session_of_two_who_know_the_secret() -> None:
    key = handshake.session_key(SECRET, NONCES, NAME)
    assert key.hex() in TEXT
    told = frames()
    welcome, auth = decode_tlv(told["WELCOME"].payload), decode_tlv(told["AUTH"].payload)
    assert welcome[Tag.PROOF] == handshake.head_end_proof(SECRET, NONCES, NAME)
    assert auth[Tag.PROOF] == handshake.modem_proof(SECRET, NONCES, NAME)
    sides = {"modem": Peer(None), "head-end": Peer(None)}
    for side in sides.values():
        side.key = key
    for _, who, raw in EXAMPLES:
        messages = sides[who].receive(raw)
        assert len(messages) == 1
        assert messages[0].signature_ok is not False
    assert [side.gaps for side in sides.values()] == [0, 0]


def test_the_types_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| ([0-9]{2}) \| ([A-Z_]{2,}) \|", TEXT, re.MULTILINE)
    assert {(int(number, 16), name) for number, name in rows} == {
        (kind.value, kind.name) for kind in Kind
    }


def test_the_tables_of_states_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| ([A-Z]+) \| ([a-z]+) \| ([A-Z]+) \|$", TEXT, re.MULTILINE)
    told = [(str(a), str(b), str(c)) for t in (HEAD_END, MODEM) for (a, b), c in t.items()]
    assert rows == told
