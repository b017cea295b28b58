"""What a bad network does to the messages of one modem: decisions only, from a seeded generator.

Nothing here waits or sends. ``Faults.deliver`` says in which pieces a message travels, after which
pauses, and whether the connection survives it; the modem does as told.
"""

import random
from typing import Final

import msgspec

from hes.fleet.options import FleetOptions

LATENCY_S_MAX: Final = 20.0
GARBAGE_SIZE_MAX: Final = 16
PIECES_MAX: Final = 8


class FaultProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How bad the network is; parts are of messages, from 0 to 1."""

    latency_s: float = 0.0
    """Median; the distribution is log-normal, as on packet radio."""
    spread: float = 0.6
    """Sigma of the logarithm of the latency: 0.6 makes one in twenty 2.7 times slower."""
    fragments: float = 0.0
    loss: float = 0.0
    cut: float = 0.0
    """The connection ends in the middle of the message."""
    garbage: float = 0.0
    """Noise in front of the message, or a wrong byte in it."""
    duplicate: float = 0.0
    heartbeat_inside: float = 0.0
    """The modem's timer fires while the message is on its way."""
    mute: float = 0.0
    """Part of the requests after which the modem is deaf for a while."""
    mute_s: float = 20.0
    half_open: float = 0.0
    """Part of the requests at which the modem vanishes without closing, and calls anew."""
    echo: float = 0.0
    """Part of the modems whose serial line gives every request back."""
    outage_every_s: float = 0.0
    """Mean time between power failures of one modem; 0: none."""
    outage_s: float = 60.0
    """Mean length of a power failure."""


PROFILES: Final[dict[str, FaultProfile]] = {
    "none": FaultProfile(),
    "mild": FaultProfile(
        latency_s=0.05, fragments=0.1, loss=0.001, cut=0.0005, outage_every_s=86_400.0
    ),
    "gprs": FaultProfile(
        latency_s=0.4, fragments=0.3, loss=0.01, cut=0.005, garbage=0.002, duplicate=0.002,
        heartbeat_inside=0.002, mute=0.002, half_open=0.001, echo=0.01, outage_every_s=14_400.0,
    ),
    "cruel": FaultProfile(
        latency_s=0.8, spread=1.0, fragments=0.7, loss=0.08, cut=0.05, garbage=0.05,
        duplicate=0.05, heartbeat_inside=0.05, mute=0.02, half_open=0.02, echo=0.1,
        outage_every_s=600.0, outage_s=20.0,
    ),
}  # fmt: skip


def profile_of(options: FleetOptions) -> FaultProfile:
    """Return the profile that ``options`` name, with the single things that they change."""
    names = ("latency_s", "loss", "cut", "garbage", "outage_every_s")
    changed = {name: value for name in names if (value := getattr(options, name)) is not None}
    return msgspec.structs.replace(PROFILES[options.faults], **changed)


class Delivery(msgspec.Struct, frozen=True):
    """How one message travels: for each piece, the seconds to wait before it and its bytes."""

    pieces: list[tuple[float, bytes]]
    cut: bool = False
    """The connection ends after the last piece."""
    fault: str | None = None
    """What went wrong, by its field in ``FaultProfile``; slowness and fragments do not count."""


class Faults:
    """The luck of one modem."""

    __slots__ = ("_rng", "echoes", "profile")

    def __init__(self, profile: FaultProfile, rng: random.Random) -> None:
        self.profile = profile
        self._rng = rng
        self.echoes = self._happens(profile.echo)
        """Whether requests come back from the serial line."""

    def _happens(self, part: float) -> bool:
        # Nothing is drawn for what never happens: a calm network costs next to nothing.
        return part > 0 and self._rng.random() < part

    def deliver(self, message: bytes, heartbeat: bytes = b"") -> Delivery:
        """Return how ``message`` travels to the head-end."""
        profile = self.profile
        if self._happens(profile.loss):
            return Delivery([], fault="loss")
        if self._happens(profile.cut):
            kept = message[: self._rng.randrange(len(message))]
            return Delivery(self._pieces(kept), cut=True, fault="cut")
        fault = None
        if self._happens(profile.garbage):
            message, fault = self._damaged(message), "garbage"
        if self._happens(profile.duplicate):
            message, fault = message + message, "duplicate"
        if heartbeat and self._happens(profile.heartbeat_inside):
            at = self._rng.randrange(len(message))
            message, fault = message[:at] + heartbeat + message[at:], "heartbeat_inside"
        return Delivery(self._pieces(message), fault=fault)

    def latency_s(self) -> float:
        """Return how long the next message takes."""
        median = self.profile.latency_s
        if not median:
            return 0.0
        return min(LATENCY_S_MAX, median * self._rng.lognormvariate(0, self.profile.spread))

    def goes_mute_s(self) -> float:
        """Return for how long the modem is deaf from now on; mostly 0."""
        return self.profile.mute_s if self._happens(self.profile.mute) else 0.0

    def vanishes(self) -> bool:
        """Whether the modem now loses its connection without either side being told."""
        return self._happens(self.profile.half_open)

    def next_outage_s(self) -> float:
        """Return the time to the next power failure; infinite without any."""
        mean_s = self.profile.outage_every_s
        return self._rng.expovariate(1 / mean_s) if mean_s else float("inf")

    def outage_s(self) -> float:
        """Return how long a power failure lasts."""
        mean_s = self.profile.outage_s
        return min(self._rng.expovariate(1 / mean_s), 10 * mean_s)

    def _damaged(self, message: bytes) -> bytes:
        if self._rng.random() < 0.5:
            return self._rng.randbytes(self._rng.randint(1, GARBAGE_SIZE_MAX)) + message
        at = self._rng.randrange(len(message))
        wrong = message[at] ^ self._rng.randint(1, 255)
        return message[:at] + bytes((wrong,)) + message[at + 1 :]

    def _pieces(self, message: bytes) -> list[tuple[float, bytes]]:
        if not message:
            return []
        ends = [len(message)]
        if len(message) > 1 and self._happens(self.profile.fragments):
            count = self._rng.randint(1, min(PIECES_MAX, len(message)) - 1)
            ends = sorted({*(self._rng.randrange(1, len(message)) for _ in range(count)), *ends})
        starts = [0, *ends]
        spans = zip(starts, ends, strict=False)
        return [(self.latency_s(), message[begin:end]) for begin, end in spans]
