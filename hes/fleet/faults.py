"""What a bad network does to one modem: decisions only, from a seeded generator.

Nothing here waits or sends. ``Faults.on_line`` says what a message of a meter has become when it
reaches its modem, ``Faults.deliver`` in which pieces it travels, after which pauses, and whether
the connection survives it; the modem does as told. All of it is read from the weather at that
moment, so it can change.
"""

import random
from typing import Final, NamedTuple

import msgspec

from hes.fleet.weather import NEVER, FaultProfile, Weather

LATENCY_S_MAX: Final = 20.0
GARBAGE_SIZE_MAX: Final = 16
PIECES_MAX: Final = 8
CHUNK_SIZE: Final = 3
CHUNK_GAP_S: Final = 0.001
"""So that chunks are reads of their own on a real network too."""
LATE_S_MAX: Final = 30.0


class Delivery(msgspec.Struct, frozen=True):
    """How one message travels: for each piece, the seconds to wait before it and its bytes."""

    pieces: list[tuple[float, bytes]]
    cut: bool = False
    """The connection ends after the last piece."""
    fault: str | None = None
    """What went wrong, by its field in ``FaultProfile``; slowness and fragments do not count."""


class FromLine(NamedTuple):
    """What reached the modem from its serial line."""

    before: bytes
    after: bytes = b""
    """What stands behind a heartbeat of the modem; empty: there is none in between."""
    fault: str | None = None


class Faults:
    """The luck of one modem."""

    __slots__ = ("_chunk_luck", "_clone_luck", "_echo_luck", "_rng", "_storms", "weather")

    def __init__(self, weather: Weather, rng: random.Random) -> None:
        self.weather = weather
        self._rng = rng
        self._echo_luck, self._chunk_luck, self._clone_luck = (rng.random() for _ in range(3))
        self._storms = random.Random(f"storms {weather.seed}")  # noqa: S311 -- a simulation

    @property
    def profile(self) -> FaultProfile:
        """How bad it is now."""
        return self.weather.profile

    @property
    def echoes(self) -> bool:
        """Whether requests come back from the serial line."""
        return self._echo_luck < self.profile.echo

    @property
    def has_clone(self) -> bool:
        """Whether somebody else uses the modem's name."""
        return self.profile.clone_every_s > 0 and self._clone_luck < self.profile.clone

    def _happens(self, part: float) -> bool:
        # Nothing is drawn for what never happens: a calm network costs next to nothing.
        return part > 0 and self._rng.random() < part

    # -- messages

    def on_line(self, message: bytes, *, checked: bool = True) -> FromLine:
        """Return what becomes of a message of a meter before it is sent.

        ``checked``: whether its receiver would notice a wrong byte. Where nothing guards it there
        is no serial line either: the meter has its modem built in.
        """
        profile, fault = self.profile, None
        if self._happens(profile.garbage):
            message, fault = self._noisy(message, checked=checked), "garbage"
        if len(message) > 1 and self._happens(profile.heartbeat_inside):
            at = self._rng.randrange(1, len(message))
            return FromLine(message[:at], message[at:], "heartbeat_inside")
        return FromLine(message, fault=fault)

    def deliver(self, message: bytes, *, checked: bool = True) -> Delivery:
        """Return how ``message`` travels to the head-end."""
        profile = self.profile
        if self._happens(profile.loss):
            return Delivery([], fault="loss")
        if message and self._happens(profile.cut):
            kept = message[: self._rng.randrange(len(message))]
            return Delivery(self._pieces(kept), cut=True, fault="cut")
        fault = None
        if message and checked and self._happens(profile.bad_check):
            message, fault = self._wrong_byte(message), "bad_check"
        if self._happens(profile.duplicate):
            message, fault = message + message, "duplicate"
        return Delivery(self._pieces(message), fault=fault)

    def latency_s(self) -> float:
        """Return how long the next message takes."""
        median = self.profile.latency_s
        if not median:
            return 0.0
        return min(LATENCY_S_MAX, median * self._rng.lognormvariate(0, self.profile.spread))

    def late_s(self) -> float:
        """Return for how long an answer is held back; mostly 0."""
        return self._rng.uniform(1.0, LATE_S_MAX) if self._happens(self.profile.late) else 0.0

    # -- requests and connections

    def goes_mute_s(self) -> float:
        """Return for how long the serial line is deaf from now on; mostly 0."""
        return self.profile.mute_s if self._happens(self.profile.mute) else 0.0

    def vanishes(self) -> bool:
        """Whether the modem now loses its connection without either side being told."""
        return self._happens(self.profile.half_open)

    def rebinds(self) -> bool:
        """Whether the modem calls anew before its connection has ended."""
        return self._happens(self.profile.rebind)

    def lies(self) -> bool:
        """Whether the modem now says a wrong name."""
        return self._happens(self.profile.wrong_id)

    # -- times

    def next_outage_s(self) -> float:
        """Return the time to the next power failure; infinite without any."""
        return self._next_s(self.profile.outage_every_s)

    def outage_s(self) -> float:
        """Return how long a power failure lasts."""
        mean_s = self.profile.outage_s
        return min(self._rng.expovariate(1 / mean_s), 10 * mean_s)

    def next_clock_jump_s(self) -> float:
        """Return the time to the next jump of the meters' clocks; infinite without any."""
        return self._next_s(self.profile.clock_jump_every_s)

    def clock_jump_s(self) -> float:
        """Return by how much they jump."""
        return self._rng.uniform(-1, 1) * self.profile.clock_jump_s

    def next_storm_s(self) -> float:
        """Return the time from one storm to the next, the same for all modems."""
        mean_s = self.profile.storm_every_s
        return self._storms.expovariate(1 / mean_s) if mean_s else NEVER

    def back_in_s(self) -> float:
        """Return how long after a storm the modem calls again."""
        return self._rng.uniform(0, self.profile.storm_s)

    def _next_s(self, mean_s: float) -> float:
        return self._rng.expovariate(1 / mean_s) if mean_s else NEVER

    # -- bytes

    def _noisy(self, message: bytes, *, checked: bool) -> bytes:
        if not checked or self._rng.random() < 0.5:
            return self._rng.randbytes(self._rng.randint(1, GARBAGE_SIZE_MAX)) + message
        return self._wrong_byte(message)

    def _wrong_byte(self, message: bytes) -> bytes:
        at = self._rng.randrange(len(message))
        wrong = message[at] ^ self._rng.randint(1, 255)
        return message[:at] + bytes((wrong,)) + message[at + 1 :]

    def _pieces(self, message: bytes) -> list[tuple[float, bytes]]:
        if self._chunk_luck < self.profile.chunks:
            starts = range(0, len(message), CHUNK_SIZE)
            pauses = (CHUNK_GAP_S if at else self.latency_s() for at in starts)
            chunks = (message[at : at + CHUNK_SIZE] for at in starts)
            return list(zip(pauses, chunks, strict=True))
        if not message:
            return []
        ends = [len(message)]
        if len(message) > 1 and self._happens(self.profile.fragments):
            count = self._rng.randint(1, min(PIECES_MAX, len(message)) - 1)
            ends = sorted({*(self._rng.randrange(1, len(message)) for _ in range(count)), *ends})
        spans = zip([0, *ends], ends, strict=False)
        return [(self.latency_s(), message[begin:end]) for begin, end in spans]
