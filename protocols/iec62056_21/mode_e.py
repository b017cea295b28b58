"""Mode E: a meter that is called by IEC 62056-21 and then spoken to in HDLC."""

from collections.abc import Sequence

from protocols.dialogue import Dialogue
from protocols.dlms.carrier import Answer, Carrier, Step
from protocols.iec62056_21.session import Session


class ModeELink:
    """Carries APDUs over a link of DLMS, after the meter has handed the line over to it.

    It is a ``protocols.dlms.carrier.Carrier`` itself; the meter takes its line back when the
    inner link is disconnected.
    """

    def __init__(self, session: Session, inner: Carrier) -> None:
        self._session = session
        self.inner = inner
        self.numbered = inner.numbered

    def connect(self) -> Step:
        """See ``Carrier.connect``.

        Raises:
            MeterSilent: no answer to the request, or none in HDLC.
            MeterRefused: it does not offer mode E.

        """
        yield from self._switched()
        yield from self.inner.connect()

    def _switched(self) -> Dialogue[None]:
        with self._session.doubting():
            yield from self._session.binary()
        # Nobody tells when HDLC gives the line back: the next call begins with a break.
        self._session.fail()

    def ask(self, apdu: bytes, *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.ask``."""
        return self.inner.ask(apdu, wait_s=wait_s)

    def stream(self, apdus: Sequence[bytes], *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.stream``."""
        return self.inner.stream(apdus, wait_s=wait_s)

    def hear(self, *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.hear``."""
        return self.inner.hear(wait_s=wait_s)

    def disconnect(self) -> Step:
        """See ``Carrier.disconnect``."""
        return self.inner.disconnect()
