"""Makes blocks in a process of its own: in a thread it would keep the journal's thread waiting.

A commit gives Python's lock away at every row, and gets it back only when the other thread lets go
of it: beside one that computes, a commit of 100 rows took up to a second.

Both sides send pieces of msgpack behind their size, four octets. ``python -m`` runs the other side.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final, Self

import msgspec

from hes.store.block_check import HotRow, checked_block
from hes.store.errors import StoreError, StoreUnavailable

NICE: Final = 10
END_S: Final = 5.0
_encode: Final = msgspec.msgpack.Encoder().encode
_ask: Final = msgspec.msgpack.Decoder(tuple[list[list[HotRow]], dict[int, tuple[int, bytes]]])
_answer: Final = msgspec.msgpack.Decoder(tuple[bytes, str])


class BlockWorker:
    """The near side. One thread at a time; ``close`` from any."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def block(
        self, streams: Sequence[list[HotRow]], before: Mapping[int, tuple[int, bytes]]
    ) -> bytes:
        """Return a block, as ``checked_block`` does.

        Raises:
            StoreError: as there.
            StoreUnavailable: the process ended; a new one may do better.

        """
        process = self._process
        if process is None:
            if self._closed:
                raise StoreUnavailable("it was told to stop")
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "hes.store.block_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        state, problem = self._asked(process, _encode((streams, before)))
        if problem:
            raise StoreError(problem)
        return state

    @staticmethod
    def _asked(process: "subprocess.Popen[bytes]", question: bytes) -> tuple[bytes, str]:
        try:
            _send(_pipe(process.stdin), question)
            return _answer.decode(_receive(_pipe(process.stdout)))
        except (OSError, EOFError, ValueError) as problem:
            raise StoreUnavailable(f"the process that makes blocks ended: {problem}") from problem

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait(END_S)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("it has no pipe")
    return pipe


def _send(pipe: IO[bytes], piece: bytes) -> None:
    pipe.write(len(piece).to_bytes(4) + piece)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    size = int.from_bytes(_whole(pipe, 4))
    return _whole(pipe, size)


def _whole(pipe: IO[bytes], size: int) -> bytes:
    piece = pipe.read(size)
    if len(piece) < size:
        raise EOFError("it said nothing any more")
    return piece


def _serve(asked: IO[bytes], told: IO[bytes]) -> None:
    """Make blocks until nobody asks any more."""
    with contextlib.suppress(EOFError):
        while True:
            streams, before = _ask.decode(_receive(asked))
            answer: tuple[Any, str]
            try:
                answer = checked_block(streams, before), ""
            except StoreError as problem:
                answer = b"", str(problem)
            _send(told, _encode(answer))


if __name__ == "__main__":
    os.nice(NICE)
    _serve(sys.stdin.buffer, sys.stdout.buffer)
