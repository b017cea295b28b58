"""What a person may say about a simulated fleet. Each field is an option of ``hes simulate``."""

import re
from typing import Annotated, Final, Literal

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Rate = Annotated[float, msgspec.Meta(gt=0)]
Pause = Annotated[float, msgspec.Meta(ge=0)]
_ESCAPE: Final = re.compile(rb"\\(?:([rnt\\])|x([0-9A-Fa-f]{2}))")
_PLAIN: Final = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


def spelled(template: str, **names: str) -> bytes:
    r"""Return the bytes of a command line's text: ``{name}`` filled in, ``\r`` and ``\x00``."""
    for name, value in names.items():
        template = template.replace("{" + name + "}", value)

    def plain(match: re.Match[bytes]) -> bytes:
        return _PLAIN[match[1]] if match[1] else bytes.fromhex(match[2].decode())

    return _ESCAPE.sub(plain, template.encode("utf-8", "surrogateescape"))


class FleetError(Exception):
    """A fleet that was asked for cannot be; the message says what to mend."""


class FleetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls whom, how often, and how badly."""

    host: str = "127.0.0.1"
    port: int = 4059
    meters: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 60
    """Meters in all."""
    meters_per_modem: Annotated[int, msgspec.Meta(ge=1, le=32)] = 4
    """Meters on the serial line of a modem that has several."""
    multidrop_share: Share = 0.25
    """Part of the modems that have several meters; the others have one."""
    seed: int = 1
    """The same seed makes the same fleet and the same faults."""
    push_every_s: Rate = 60.0
    """Seconds between two pushes of a meter."""
    push_share: Share = 0.7
    """Part of the modems whose DLMS meters push; the others only answer, as all other meters do."""
    iec_share: Share = 0.0
    """Part of the modems whose meters speak IEC 62056-21."""
    dlt645_share: Share = 0.0
    """Part of the modems whose meters speak DL/T 645, of 2007 and of 1997."""
    confirm: bool = True
    """Ask for a confirmation of every push, and send it again until it comes."""
    resend_s: Rate = 30.0
    """Seconds without confirmation after which a push is sent again."""
    links: tuple[str, ...] = ("raw",)
    """Kinds of modems, in equal parts: raw, raw-split, raw-glued, raw-data, raw-both, dlms-push,
    prot, ddp-inside, ddp-header16, ddp-closed, gdw376, gdw376-2005, dlt698, forcecontrol, dsmr4,
    smr5, mode-d, hml1; all. dlms-push, dsmr4 and smr5 have DLMS meters that push, mode-d has those
    of IEC 62056-21 that do, whatever the shares."""
    wrapper_share: Share = 0.5
    """Part of the DLMS modems whose meters speak the TCP wrapper; the others speak HDLC."""
    gmac_share: Share = 0.5
    """Part of the DLMS meters with HLS-GMAC and ciphered pushes."""
    low_share: Share = 0.25
    """Part of the DLMS meters with a password; the rest ask for nothing."""
    registration: str = "MODEM:{modem_id}\r\n"
    """What a raw modem says first; empty: nothing."""
    registration_mode: Literal["link", "data", "both"] = "link"
    """When it says it: once; in front of every packet; both."""
    heartbeat: str = ""
    """What a raw modem sends to stay connected; empty: its registration again."""
    heartbeat_s: Pause = 60.0
    """Seconds between heartbeats; 0: none."""
    faults: Literal["none", "mild", "gprs", "cruel"] = "none"
    """How bad the network is; the options below change single things of it."""
    latency_s: Pause | None = None
    """Seconds that half of the messages take at least."""
    loss: Share | None = None
    """Part of the messages that never arrive."""
    cut: Share | None = None
    """Part of the messages in whose middle the connection ends."""
    garbage: Share | None = None
    """Part of the messages that arrive with wrong bytes."""
    outage_every_s: Pause | None = None
    """Mean seconds between power failures of a modem and its meters; 0: none."""
    fault: tuple[str, ...] = ()
    """Single faults of the profile, as name=value: see the operating manual for their names."""
    calm_after_s: Rate | None = None
    """The network is good again after so many seconds; otherwise it stays as it is."""
    drift_s: Pause = 0.0
    """Meter clocks are wrong by up to so many seconds."""
    speed: Rate = 1.0
    """How many times faster the meters' time runs: pushes come as often, clocks run ahead."""
    connect_rate_per_s: Rate = 200.0
    """Connections that the whole fleet opens in a second, at most."""
    seconds: Rate | None = None
    """Stop after so many seconds; otherwise run on."""
