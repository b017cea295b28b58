"""How long a dialogue waits, over a cellular network and a slow serial line."""

import msgspec


class DlmsTimers(msgspec.Struct, frozen=True, kw_only=True):
    """Starting values; a modem's profile may change them."""

    associate_s: float = 30.0
    """For the first answers: the radio wakes up and the meter behind it."""
    answer_s: float = 30.0
    """For an APDU over the wrapper, where nothing is repeated."""
    release_s: float = 5.0
    """For the answer to a release: who gives none is let go all the same."""
    connect_s: float = 7.5
    """For the answer to the opening of an HDLC link: a dead meter must not hold the line."""
    busy_s: float = 1.0
    """Between two questions to a meter that said that it is not ready."""
    busy_s_max: float = 30.0
    frame_s: float = 15.0
    """For one HDLC frame, without the time it needs on the serial line."""
    gap_s: float = 5.0
    """Between two pieces of one frame: the radio link stalls, the frame goes on."""
    repeats: int = 3
    """How often an HDLC frame is sent again."""
    baud: int = 9600

    def line_s(self, size: int) -> float:
        """Return the time that ``size`` bytes need on the serial line, 10 bits a byte."""
        return size * 10 / self.baud
