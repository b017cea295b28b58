"""How long a dialogue waits, over a cellular network and a slow serial line."""

import msgspec

from protocols.dialogue import Baud, Seconds, Times


class DlmsTimers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Starting values; a meter type may change them."""

    associate_s: Seconds = 30.0
    """For the first answers: the radio wakes up and the meter behind it."""
    answer_s: Seconds = 30.0
    """For an APDU over the wrapper, where nothing is repeated."""
    release_s: Seconds = 5.0
    """For the answer to a release: who gives none is let go all the same."""
    connect_s: Seconds = 7.5
    """For the answer to the opening of an HDLC link: a dead meter must not hold the line."""
    busy_s: Seconds = 1.0
    """Between two questions to a meter that said that it is not ready."""
    busy_s_max: Seconds = 30.0
    frame_s: Seconds = 15.0
    """For one HDLC frame, without the time it needs on the serial line."""
    gap_s: Seconds = 5.0
    """Between two pieces of one frame: the radio link stalls, the frame goes on."""
    repeats: Times = 3
    """How often an HDLC frame is sent again."""
    baud: Baud = 9600

    def line_s(self, size: int) -> float:
        """Return the time that ``size`` bytes need on the serial line, 10 bits a byte."""
        return size * 10 / self.baud
