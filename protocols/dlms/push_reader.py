"""Cuts the pushes out of the bytes of one connection, whatever else travels on it.

Watches the stream beside the dialogues: answers to questions are passed over, only what a device
sends by itself comes out. HDLC or wrapper is told by the first byte between frames.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from protocols.dlms import hdlc
from protocols.dlms.apdu_ciphered import (
    DED_EVENT,
    GENERAL_CIPHERING,
    GENERAL_DED,
    GENERAL_GLO,
    GLO_EVENT,
)
from protocols.dlms.apdu_push import DATA_NOTIFICATION, EVENT_NOTIFICATION
from protocols.dlms.gbt import TAG as GBT_TAG, decode_block
from protocols.dlms.hdlc import HdlcFrame, HdlcReader, Kind
from protocols.dlms.llc import HEADERS, RESPONSE, strip_llc
from protocols.dlms.push_blocks import PushBlocks
from protocols.dlms.wrapper import WrapperReader, whole_wpdu
from protocols.errors import RemoteProtocolError

UNASKED: Final = frozenset({
    DATA_NOTIFICATION, EVENT_NOTIFICATION, GENERAL_GLO, GENERAL_DED, GENERAL_CIPHERING,
    GLO_EVENT, DED_EVENT,
})  # fmt: skip
WRAPPER_MARK: Final = b"\x00\x01"
WINDOW: Final = 8
"""Blocks that we take at a time over the wrapper; on HDLC each one waits for its answer."""
_MARKS: Final = frozenset(bytes((tag,)) for tag in UNASKED)
SEGMENTS_SIZE_MAX: Final = 64 * 1024


class PushFrame(msgspec.Struct, frozen=True):
    """One message that a device sent by itself."""

    apdu: bytes
    logical: int
    """Wrapper: its wPort. HDLC: the upper address."""
    physical: int | None
    """HDLC: the lower address, when there is one."""
    reply: Callable[[bytes], bytes]
    """Frames an answer to the sender."""


class PushReader:
    """The pushes of one connection: feed bytes; each push goes to ``take``.

    Something that is surely a push but cannot be read goes to ``keep`` with the reason.
    """

    __slots__ = (
        "_blocks", "_first", "_hdlc", "_keep", "_lost", "_segments", "_source", "_take", "_wrapper",
        "answer",
    )  # fmt: skip

    def __init__(
        self, take: Callable[[PushFrame], None], keep: Callable[[str, str, bytes], None]
    ) -> None:
        self._take = take
        self._keep = keep
        self._hdlc: HdlcReader | None = None
        self._wrapper: WrapperReader | None = None
        self._first = b""
        """What came before it could be told what it is."""
        self._segments: bytes = b""
        self._source = b""
        self._lost = 0
        self._blocks: PushBlocks | None = None
        self.answer: Callable[[bytes], None] = _nobody
        """Sends, to the serial line, that blocks of a push have come, where their sender waits."""

    def rebind(
        self, take: Callable[[PushFrame], None], keep: Callable[[str, str, bytes], None]
    ) -> None:
        """Give what comes from now on to others."""
        self._take = take
        self._keep = keep

    @property
    def framing(self) -> str | None:
        """``hdlc`` or ``wrapper``, once the first bytes told."""
        return "hdlc" if self._hdlc else "wrapper" if self._wrapper else None

    def feed(self, data: bytes) -> None:
        """Take bytes from the serial line.

        Raises:
            RemoteProtocolError: a wrapper stream is broken; it cannot be mended.

        """
        if self._wrapper is None and self._hdlc is None:
            data, self._first = self._first + data, b""
            if len(data) < len(WRAPPER_MARK) and WRAPPER_MARK.startswith(data):
                self._first = data
            elif data.startswith(WRAPPER_MARK):
                self._wrapper = WrapperReader()
            else:
                self._hdlc = HdlcReader()
        if self._wrapper is not None:
            if not self._wrapper.held and (wpdu := whole_wpdu(data)) is not None:
                self._message(wpdu.apdu, wpdu.source, None, wpdu.answer)
            else:
                self._feed_wrapper(self._wrapper, data)
        elif self._hdlc is not None:
            self._feed_hdlc(self._hdlc, data)

    def _feed_wrapper(self, reader: WrapperReader, data: bytes) -> None:
        reader.receive_data(data)
        try:
            while (wpdu := reader.next_wpdu()) is not None:
                self._message(wpdu.apdu, wpdu.source, None, wpdu.answer)
        except RemoteProtocolError:
            self._wrapper = None
            raise

    def _feed_hdlc(self, reader: HdlcReader, data: bytes) -> None:
        reader.receive_data(data)
        while (frame := reader.next_frame()) is not None:
            lost = reader.bad_checks + reader.dropped
            if lost != self._lost or frame.source != self._source:
                self._segments = b""  # a segment may be missing: what follows does not belong to it
            self._lost, self._source = lost, frame.source
            if frame.kind in {Kind.UI, Kind.I} and frame.information:
                self._frame(frame)

    def _frame(self, frame: HdlcFrame) -> None:
        # Some meters put the LLC header in front of the first block of a transfer only.
        inside = self._segments or (self._blocks is not None and self._blocks.open)
        if not inside and frame.information[:3] not in HEADERS:
            return
        self._segments += frame.information
        if len(self._segments) > SEGMENTS_SIZE_MAX:
            self._segments = b""
            return
        if frame.segmented:
            return
        message, self._segments = strip_llc(self._segments), b""
        upper, lower = hdlc.decode_address(frame.source)

        def reply(apdu: bytes) -> bytes:
            information = RESPONSE + apdu
            return hdlc.encode_frame(frame.source, frame.destination, hdlc.UI, information)

        self._message(message, upper, lower, reply)

    def _message(
        self, apdu: bytes, logical: int, physical: int | None, reply: Callable[[bytes], bytes]
    ) -> None:
        tag = apdu[0] if apdu else None
        if tag == GBT_TAG:
            whole = self._block(apdu, reply)
            if not whole:
                return
            apdu, tag = whole, whole[0]
        if tag in UNASKED:
            self._take(PushFrame(apdu, logical, physical, reply))

    def _block(self, apdu: bytes, reply: Callable[[bytes], bytes]) -> bytes | None:
        if self._blocks is None:
            self._blocks = PushBlocks(_MARKS, 1 if self._wrapper is None else WINDOW)
        try:
            block = decode_block(apdu)
            if not self._blocks.is_ours(block):  # it answers a question that was in blocks
                self._blocks = None
                return None
            return self._blocks.take(block, lambda told: self.answer(reply(told)))
        except RemoteProtocolError as problem:
            self._keep(problem.category, str(problem), apdu)
            return None


def _nobody(_data: bytes) -> None:
    """Send nothing: the bytes come from a capture."""
