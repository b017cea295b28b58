"""How bad the network of a simulated fleet is: profiles, and single faults changed in them."""

from collections.abc import Iterable
from typing import Final

import msgspec

from hes.fleet.options import FleetError, FleetOptions

NEVER: Final = float("inf")


class FaultProfile(msgspec.Struct, frozen=True, kw_only=True):
    """How bad the network is; parts are of messages, from 0 to 1."""

    latency_s: float = 0.0
    """Median; the distribution is log-normal, as on packet radio."""
    spread: float = 0.6
    """Sigma of the logarithm of the latency: 0.6 makes one in twenty 2.7 times slower."""
    fragments: float = 0.0
    chunks: float = 0.0
    """Part of the modems that send everything in chunks of three bytes."""
    loss: float = 0.0
    cut: float = 0.0
    """The connection ends in the middle of the message, as when a modem reboots."""
    garbage: float = 0.0
    """Noise on the serial line in front of the message, or a wrong byte in it."""
    bad_check: float = 0.0
    """A wrong byte in the packet that carries it."""
    duplicate: float = 0.0
    heartbeat_inside: float = 0.0
    """The modem's timer fires while the message is on its way."""
    late: float = 0.0
    """Part of the answers that come when nobody waits for them any more."""
    mute: float = 0.0
    """Part of the requests after which the serial line is deaf for a while."""
    mute_s: float = 20.0
    half_open: float = 0.0
    """Part of the requests at which the modem vanishes without closing, and calls anew."""
    rebind: float = 0.0
    """Part of the requests at which it calls anew at once, and answers on the old connection."""
    nat_idle_s: float = 0.0
    """After so long without a word of the modem the network forgets the connection; 0: never."""
    echo: float = 0.0
    """Part of the modems whose serial line gives every request back."""
    wrong_id: float = 0.0
    """Part of the connections that begin with a name that is not the modem's."""
    clone: float = 0.0
    """Part of the modems whose name another one uses as well, now and then."""
    clone_every_s: float = 600.0
    """Mean time between the calls of that other one."""
    storm_every_s: float = 0.0
    """Mean time between moments at which all modems lose their connections; 0: none."""
    storm_s: float = 5.0
    """Within so long they are all back."""
    clock_jump_every_s: float = 0.0
    """Mean time between jumps of the clocks of a modem's meters; 0: none."""
    clock_jump_s: float = 90.0
    """They jump by up to so much, ahead or back."""
    outage_every_s: float = 0.0
    """Mean time between power failures of one modem; 0: none."""
    outage_s: float = 60.0
    """Mean length of a power failure."""


CALM: Final = FaultProfile()
PROFILES: Final[dict[str, FaultProfile]] = {
    "none": CALM,
    "mild": FaultProfile(
        latency_s=0.05, fragments=0.1, loss=0.001, cut=0.0005, outage_every_s=86_400.0
    ),
    "gprs": FaultProfile(
        latency_s=0.4, fragments=0.3, chunks=0.05, loss=0.01, cut=0.005, garbage=0.002,
        bad_check=0.001, duplicate=0.002, heartbeat_inside=0.002, late=0.002, mute=0.002,
        half_open=0.001, rebind=0.001, echo=0.01, storm_every_s=43_200.0, outage_every_s=14_400.0,
    ),
    "cruel": FaultProfile(
        latency_s=0.8, spread=1.0, fragments=0.7, chunks=0.05, loss=0.08, cut=0.05, garbage=0.05,
        bad_check=0.02, duplicate=0.05, heartbeat_inside=0.05, late=0.02, mute=0.02,
        half_open=0.02, rebind=0.02, nat_idle_s=900.0, echo=0.1, wrong_id=0.01, clone=0.02,
        storm_every_s=3600.0, outage_every_s=600.0, outage_s=20.0,
    ),
}  # fmt: skip


def profile_of(options: FleetOptions) -> FaultProfile:
    """Return the profile that ``options`` name, with the single things that they change.

    Raises:
        FleetError: a fault has no such name or value.

    """
    names = ("latency_s", "loss", "cut", "garbage", "outage_every_s")
    changed = {name: value for name in names if (value := getattr(options, name)) is not None}
    changed |= _single(options.fault)
    return msgspec.structs.replace(PROFILES[options.faults], **changed)


SECONDS: Final = {name for name in FaultProfile.__struct_fields__ if name.endswith("_s")}
SHARES: Final = set(FaultProfile.__struct_fields__) - SECONDS - {"spread"}


def _single(faults: Iterable[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in (part for text in faults for part in text.split(",") if part):
        name, _, text = part.partition("=")
        if name not in FaultProfile.__struct_fields__:
            known = ", ".join(FaultProfile.__struct_fields__)
            raise FleetError(f"--fault: there is no fault {name!r}; known are {known}")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < NEVER or (name in SHARES and value > 1):
            wanted = "a part from 0 to 1" if name in SHARES else "a number from 0"
            raise FleetError(f"--fault: {name}={text} is not {wanted}")
        found[name] = value
    return found


class Weather(msgspec.Struct):
    """How bad it is now, for the whole fleet; whoever changes ``profile`` changes it for all."""

    profile: FaultProfile = CALM
    seed: int = 1
