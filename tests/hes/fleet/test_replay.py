import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from hes.devices import parse_csv
from hes.fleet.recorded import Sendable, Skipped, Vector, VectorKeys, prepare
from hes.fleet.replay import (
    Replayed,
    ReplayOptions,
    VectorsError,
    load_vectors,
    replay_devices_csv,
    run_replay,
)
from protocols.dlms import hdlc
from protocols.dlms.hdlc import HdlcReader, Kind
from protocols.dlms.wrapper import read_capture

APDU = bytes.fromhex("0f0000000100060000002a")
WPDU = bytes.fromhex("000100010067000b") + APDU
TITLE = bytes.fromhex("47525800016e364d")
CIPHERED = b"\xdb\x08" + TITLE + b"\x16\x30\x00\x00\x00\x01" + bytes(17)


def vector(name: str, framing: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"name": name, "framing": framing, "hex": data.hex(), **more}


ENTRIES = [
    vector("wrapped", "wrapper", WPDU),
    vector("bare", "apdu", APDU),
    vector("llc", "llc", b"\xe6\xe7\x00" + APDU),
    vector("answer", "apdu", b"\xc4\x01\xc1\x00\x11\x01"),
    vector("session", "hdlc-session", b"\x7e"),
    vector("radio", "mbus", b"\x68"),
    {"name": "pieces", "raw_hex": "0102030405", "chunks_hex": ["0102", "030405"]},
]


class HeadEnd(NamedTuple):
    port: int
    heard: list[bytes]
    answers: list[bytes]


@pytest.fixture
async def head_end(nursery: trio.Nursery) -> AsyncIterator[HeadEnd]:
    """Hear each connection to its end; answer its first bytes with the next of ``answers``."""
    heard: list[bytes] = []
    answers: list[bytes] = []

    async def listen(stream: trio.SocketStream) -> None:
        number = len(heard)
        heard.append(b"")
        async with stream:
            async for data in stream:
                if not heard[number] and answers:
                    await stream.send_all(answers.pop(0))
                heard[number] += data

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, listen, [listener])
    yield HeadEnd(listener.socket.getsockname()[1], heard, answers)
    nursery.cancel_scope.cancel()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "frames.json"
    path.write_text(json.dumps(ENTRIES))
    return path


async def replayed(head_end: HeadEnd, file: Path, **more: Any) -> list[Replayed]:
    options = ReplayOptions(port=head_end.port, file=file, **{"wait_s": 0.02, **more})
    results = await run_replay(options, lambda _: None)
    await trio.testing.wait_all_tasks_blocked(0.02)
    return results


# -- sending


async def test_each_push_has_a_connection_with_exactly_its_bytes(
    head_end: HeadEnd, file: Path
) -> None:
    results = await replayed(head_end, file)
    assert head_end.heard[0] == WPDU
    assert head_end.heard[1] == WPDU
    (frame,) = frames(head_end.heard[2])
    assert (frame.kind, frame.information) == (Kind.UI, b"\xe6\xe7\x00" + APDU)
    assert head_end.heard[3:] == [b"\x01\x02\x03\x04\x05"]
    assert [(r.name, r.skipped) for r in results] == [
        (entry["name"], entry["name"] in {"answer", "session", "radio"}) for entry in ENTRIES
    ]
    assert results[3].problem == "no push: its first message is 0xc4"
    assert results[4].line().startswith("session: skipped: a session")


def frames(data: bytes) -> list[hdlc.HdlcFrame]:
    reader = HdlcReader()
    reader.receive_data(data)
    return list(iter(reader.next_frame, None))


async def test_only_the_named_entries_go_with_a_registration(head_end: HeadEnd, file: Path) -> None:
    await replayed(head_end, file, only=("bare",), register=r"MODEM:{name}\r\n")
    assert head_end.heard == [b"MODEM:bare\r\n" + WPDU]


async def test_chunks_and_pauses_change_no_byte(head_end: HeadEnd, file: Path) -> None:
    start = trio.current_time()
    (result,) = await replayed(head_end, file, only=("wrapped",), chunk=2, delay_s=0.005)
    assert head_end.heard == [WPDU]
    assert result.sent == len(WPDU)
    assert trio.current_time() - start > 0.04


async def test_what_comes_back_is_told(head_end: HeadEnd, file: Path) -> None:
    confirmation = bytes.fromhex("000100670001000610000000010000")[:14]
    head_end.answers.append(confirmation)
    (result,) = await replayed(head_end, file, only=("wrapped",), wait_s=5)
    assert result.answer == confirmation
    assert result.line() == f"wrapped: 19 bytes sent, 14 bytes came back: {confirmation.hex()}"


async def test_a_framing_can_be_chosen(head_end: HeadEnd, file: Path) -> None:
    await replayed(head_end, file, only=("bare", "llc"), framing="hdlc")
    assert head_end.heard[0] == head_end.heard[1]
    assert [f.information[3:] for f in frames(head_end.heard[0])] == [APDU]
    await replayed(head_end, file, only=("llc",), framing="wrapper")
    assert [wpdu.apdu for wpdu in read_capture(head_end.heard[2])] == [APDU]


async def test_nobody_listening_is_an_error(unused_tcp_port: int, file: Path) -> None:
    with pytest.raises(OSError, match="connect"):
        await run_replay(ReplayOptions(port=unused_tcp_port, file=file), lambda _: None)


async def test_results_are_written_for_people(
    head_end: HeadEnd, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ReplayOptions(port=head_end.port, file=file, only=("bare", "radio"), wait_s=0.02)
    await run_replay(options)
    assert capsys.readouterr().out.splitlines() == [
        "bare: 19 bytes sent, nothing came back",
        "radio: skipped: the framing 'mbus' does not travel on TCP",
    ]


# -- files


def test_a_file_may_have_an_entry_a_line(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text('{"hex": "01"}\n{"name": "b", "raw_hex": "02", "note": 1}\n')
    assert [v.name for v in load_vectors(path)] == ["frame-1", "b"]
    ready = [prepare(v) for v in load_vectors(path)]
    assert ready == [Sendable([b"\x01"], ""), Sendable([b"\x02"], "")]


@pytest.mark.parametrize("text", ['{"hex": 1}', "[1]", "not json", "[{]", '"text"'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "frames.json"
    path.write_text(text)
    with pytest.raises(VectorsError, match="holds no recorded frames"):
        load_vectors(path)


async def test_an_unknown_name_is_refused(unused_tcp_port: int, file: Path) -> None:
    options = ReplayOptions(port=unused_tcp_port, file=file, only=("bare", "x", "y"))
    with pytest.raises(VectorsError, match="no entry is named x, y"):
        await run_replay(options, lambda _: None)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Vector(name="a", framing="apdu", hex="0fz"), "its bytes are no hex digits"),
        (Vector(name="a", framing="apdu", hex="0f" * 9000), "APDU of 9000 bytes, limit 8192"),
        (Vector(name="a", framing="llc", hex="0f" * 3000), "a frame of 3012 bytes, limit 2047"),
        (Vector(name="a", framing="apdu"), "no message in it"),
        (Vector(name="a", framing="wrapper", hex="0001"), "no message in it"),
        (Vector(name="a", framing="hdlc", hex="7ea0"), "no message in it"),
        (Vector(name="a"), "it has no bytes"),
        (Vector(name="a", raw_hex="x"), "its bytes are no hex digits"),
    ],
)
def test_what_cannot_be_sent_is_skipped_with_a_reason(entry: Vector, reason: str) -> None:
    skipped = prepare(entry)
    assert isinstance(skipped, Skipped)
    assert reason in skipped.reason


# -- the device list


def test_the_device_list_has_keys_title_and_address() -> None:
    keys = VectorKeys(ek="00" * 16, ak="11" * 16)
    source = hdlc.encode_address(1, 17, 2)
    frame = hdlc.encode_frame(b"\xcf", source, hdlc.UI, b"\xe6\xe7\x00" + CIPHERED)
    damaged = frame[:-2] + b"\x00\x7e"
    devices = parse_csv(replay_devices_csv([
        Vector(name="wrapped", framing="wrapper", hex=WPDU.hex()),
        Vector(name="ciphered", framing="hdlc", hex=frame.hex(), keys=keys),
        Vector(name="damaged", framing="hdlc", hex=damaged.hex()),
        Vector(name="answer", framing="apdu", hex="c401c1001101"),
        Vector(name="as-it-is", raw_hex="01"),
    ]))  # fmt: skip
    assert [(d.meter_id, d.modem_id) for d in devices] == [
        (name, name) for name in ("wrapped", "ciphered", "damaged")
    ]
    wrapped, ciphered, _ = devices
    assert (wrapped.framing, wrapped.server_sap, wrapped.has_keys) == ("wrapper", 1, False)
    assert (ciphered.framing, ciphered.server_sap, ciphered.address) == ("hdlc", 1, "17")
    assert ciphered.encryption_key == bytes(16)
    assert ciphered.authentication_key == b"\x11" * 16
    assert ciphered.system_title == TITLE


@pytest.mark.parametrize("title", ["zz", "00", "x" * 16])
def test_a_title_that_is_none_is_left_out(title: str) -> None:
    keys = VectorKeys(ek="00" * 16, system_title=title)
    text = replay_devices_csv([Vector(name="a", framing="apdu", hex=APDU.hex(), keys=keys)])
    assert parse_csv(text)[0].system_title == b""
