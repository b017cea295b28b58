"""The wrapper as a link: one APDU each way, nothing repeated.

An APDU is never sent again in one association: the meter's counters and block numbers may have
moved. Who gets no answer closes, associates anew and goes on from there.
"""

from collections.abc import Sequence

from protocols.dialogue import Exchange
from protocols.dlms.apdu_ciphered import DED_EVENT, GLO_EVENT
from protocols.dlms.apdu_push import DATA_NOTIFICATION, EVENT_NOTIFICATION
from protocols.dlms.carrier import Answer, Step
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.errors import MeterSilent

UNASKED = frozenset({DATA_NOTIFICATION, EVENT_NOTIFICATION, GLO_EVENT, DED_EVENT})
"""APDUs that a meter sends by itself; the reader of pushes takes them. One in a general form may be
an answer as well: only its contents tell."""
SIZE_MAX = 0xFFFF
"""What the length field can say: some meters pay no heed to the size that we propose."""


class WrapperLink:
    """Carries APDUs between client and server wPort."""

    numbered = False

    def __init__(self, client: int, server: int, timers: DlmsTimers) -> None:
        self._client = client
        self._server = server
        self._timers = timers
        self._reader = WrapperReader(SIZE_MAX)

    def connect(self) -> Step:
        """See ``Carrier.connect``: the wrapper has nothing to open."""
        self._reader = WrapperReader(SIZE_MAX)
        yield from ()

    def ask(self, apdu: bytes, *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.ask``.

        Raises:
            MeterSilent: no answer in time.
            RemoteProtocolError: what came is no wrapper.

        """
        return (yield from self.stream((apdu,), wait_s=wait_s))

    def stream(self, apdus: Sequence[bytes], *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.stream``.

        Raises:
            MeterSilent: no answer in time.
            RemoteProtocolError: what came is no wrapper.

        """
        wpdus = (encode_wpdu(self._client, self._server, apdu) for apdu in apdus)
        return (yield from self._exchange(b"".join(wpdus), wait_s))

    def hear(self, *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.hear``."""
        waiting = self._next_answer()
        return (yield from self._exchange(b"", wait_s)) if waiting is None else waiting

    def _exchange(self, send: bytes, wait_s: float | None) -> Answer:
        wait_s = self._timers.answer_s if wait_s is None else wait_s
        while True:
            data = yield Exchange(send, wait_s)
            if data is None:
                raise MeterSilent(f"no answer from the meter within {wait_s:g} s")
            send = b""
            self._reader.receive_data(data)
            answer = self._next_answer()
            if answer is not None:
                return answer

    def _next_answer(self) -> bytes | None:
        """Return the next APDU from our meter to us; others on the line are not ours."""
        while (wpdu := self._reader.next_wpdu()) is not None:
            ours = wpdu.source == self._server and wpdu.destination == self._client
            if ours and wpdu.apdu and wpdu.apdu[0] not in UNASKED:
                return wpdu.apdu
        return None

    def disconnect(self) -> Step:
        """See ``Carrier.disconnect``: the wrapper has nothing to close."""
        yield from ()
