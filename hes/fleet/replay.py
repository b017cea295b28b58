"""Sends recorded frames to a head-end: one connection for each entry, one after the other."""

import csv
import io
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import trio
from trio.abc import Stream

from hes.devices import COLUMNS
from hes.fleet.options import Pause, spelled
from hes.fleet.recorded import (
    Framing,
    Sendable,
    Skipped,
    Vector,
    VectorKeys,
    VectorsError,
    load_vectors,
    prepare,
    select,
    title_of,
)
from protocols.dlms import hdlc, wrapper
from protocols.dlms.hdlc import HdlcReader
from protocols.errors import RemoteProtocolError

__all__ = [
    "ReplayOptions", "Replayed", "Vector", "VectorsError", "load_vectors", "replay_devices_csv",
    "run_replay",
]  # fmt: skip

CONNECT_S_MAX: Final = 30.0
SEND_S_MAX: Final = 60.0
RECEIVE_SIZE: Final = 4096
ANSWER_SIZE_MAX: Final = 64 * 1024


class ReplayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent, and how."""

    host: str = "127.0.0.1"
    port: int = 4059
    file: Path
    only: tuple[str, ...] = ()
    """Names of the entries to send; without, all of them."""
    register: str = ""
    """What each connection says first, e.g. MODEM:{name} and the end of a line."""
    framing: Framing = "auto"
    """How messages without a frame are sent; auto: those with an LLC header in HDLC, bare ones in
    the wrapper."""
    chunk: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Send at most so many bytes at a time; 0: each piece whole."""
    delay_s: Pause = 0.0
    """Seconds between two pieces."""
    wait_s: Pause = 0.5
    """Seconds to wait for more of what comes back; a whole frame is enough."""


class Replayed(msgspec.Struct, frozen=True):
    """What became of one entry."""

    name: str
    sent: int = 0
    """Bytes, the registration included."""
    answer: bytes = b""
    problem: str = ""
    """Why it was skipped, or failed; empty when it was sent."""
    skipped: bool = False

    def line(self) -> str:
        """Return it as a line for people."""
        if self.problem:
            return f"{self.name}: {'skipped' if self.skipped else 'failed'}: {self.problem}"
        back = f"{len(self.answer)} bytes came back: {self.answer.hex()}" if self.answer else ""
        return f"{self.name}: {self.sent} bytes sent, {back or 'nothing came back'}"


async def run_replay(
    options: ReplayOptions, report: Callable[[Replayed], None] | None = None
) -> list[Replayed]:
    """Send the entries of the file; tell what became of each, by default on standard output.

    Raises:
        OSError: the file cannot be read, or nobody listens there.
        VectorsError: the file holds no recorded frames, or not the named ones.

    """
    tell = report or _write
    done: list[Replayed] = []
    for vector in select(load_vectors(options.file), options.only):
        ready = prepare(vector, options.framing)
        if isinstance(ready, Skipped):
            result = Replayed(vector.name, problem=ready.reason, skipped=True)
        else:
            result = await _replay(options, vector.name, ready)
        tell(result)
        done.append(result)
    return done


def _write(result: Replayed) -> None:
    sys.stdout.write(f"{result.line()}\n")


async def _replay(options: ReplayOptions, name: str, ready: Sendable) -> Replayed:
    with trio.move_on_after(CONNECT_S_MAX) as deadline:
        stream: Stream = await trio.open_tcp_stream(options.host, options.port)
    if deadline.cancelled_caught:
        raise ConnectionError(f"{options.host}:{options.port} took no connection")
    pieces = [spelled(options.register, name=name), *ready.pieces]
    async with stream:
        try:
            with trio.fail_after(SEND_S_MAX + len(pieces) * options.delay_s):
                sent = await _send(stream, pieces, options)
        except (trio.BrokenResourceError, trio.TooSlowError):
            return Replayed(name, problem="the head-end did not take it")
        return Replayed(name, sent, await _answer(stream, options.wait_s, ready.framing))


async def _send(stream: Stream, pieces: Iterable[bytes], options: ReplayOptions) -> int:
    """Send the pieces, the long ones in chunks; return the bytes."""
    sent = 0
    for piece in pieces:
        size = options.chunk or len(piece) or 1
        for at in range(0, len(piece), size):
            if sent and options.delay_s:
                await trio.sleep(options.delay_s)
            await stream.send_all(piece[at : at + size])
            sent += len(piece[at : at + size])
    return sent


async def _answer(stream: Stream, wait_s: float, framing: str) -> bytes:
    """Return what the head-end says: until a frame is whole, it says no more, or hangs up."""
    answer = b""
    while len(answer) < ANSWER_SIZE_MAX and not _is_whole(answer, framing):
        data: bytes | bytearray = b""
        with trio.move_on_after(wait_s):
            try:
                data = await stream.receive_some(RECEIVE_SIZE)
            except trio.BrokenResourceError:
                return answer
        if not data:
            break
        answer += data
    return answer


def _is_whole(answer: bytes, framing: str) -> bool:
    if framing == "hdlc":
        reader = HdlcReader()
        reader.receive_data(answer)
        return reader.next_frame() is not None
    if framing == "wrapper":
        try:
            return bool(answer) and bool(wrapper.read_capture(answer))
        except RemoteProtocolError:
            return False
    return False


# -- the device list


def replay_devices_csv(vectors: Iterable[Vector]) -> str:
    """Return a device list with the keys of the entries that are DLMS pushes.

    Each entry is a meter of its own, behind a modem of its own, and both have the entry's name.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for vector in vectors:
        ready = prepare(vector)
        if isinstance(ready, Sendable) and ready.framing:
            writer.writerow(_row(vector, ready))
    return out.getvalue()


def _row(vector: Vector, ready: Sendable) -> dict[str, str]:
    keys = vector.keys or VectorKeys()
    return {
        "meter_id": vector.name,
        "modem_id": vector.name,
        "protocol": "dlms",
        "framing": ready.framing,
        "auth": "none",
        "encryption_key": keys.ek or "",
        "authentication_key": keys.ak or "",
        "system_title": title_of(vector, ready).hex(),
        "area": "replay",
        **_address(ready),
    }


def _address(ready: Sendable) -> dict[str, str]:
    """Return the sender's address in the first frame; nothing when that is damaged."""
    if ready.framing == "wrapper":
        source = wrapper.HEADER.unpack_from(ready.pieces[0])[1]
        return {"server_sap": str(source)}
    reader = HdlcReader()
    reader.receive_data(ready.pieces[0])
    frame = reader.next_frame()
    if frame is None:
        return {}
    upper, lower = hdlc.decode_address(frame.source)
    return {"server_sap": str(upper), "address": "" if lower is None else str(lower)}
