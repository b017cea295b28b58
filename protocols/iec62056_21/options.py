"""How meters of one type differ from the standard and from each other. Plain data, no code."""

from typing import Annotated, Final, Literal

import msgspec

from protocols.dialogue import Baud, Seconds, Times
from protocols.iec62056_21.units import unit_of
from protocols.tariffs import Rate
from protocols.values import ObisCode

Command = Literal["R1", "R2", "R3", "R4", "R5", "R6"]


class Iec62056Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter type; the defaults are the generic one, which tries what most meters take."""

    check: Literal["xor", "sum"] = "xor"
    """How the block check character is made."""
    parity: Literal["auto", "none", "even"] = "auto"
    """Bit 7 of what is sent; auto: as the meter sends it. It is always taken off what comes."""
    baud: Baud = 9600
    """Of the serial line behind the modem; only for the arithmetic of deadlines."""
    baud_char: Annotated[
        str, msgspec.Meta(pattern=r"^[0-9A-Za-z]?$", description="one letter or digit")
    ] = ""
    """What the option select asks for; empty: what the meter proposes. A modem that cannot change
    its rate needs the character of the rate that it has."""
    registers_by: Literal["readout", "commands"] = "readout"
    """Registers come from the readout, and by commands only what is not in it; or all by commands,
    which is quicker on slow lines."""
    login: Literal["never", "writes", "always"] = "writes"
    """Before which commands the password is sent; with writes, before reads too once the meter was
    seen to refuse them without it."""
    password_command: Literal["P1", "P2"] = "P1"  # noqa: S105 -- the name of a command
    write_password: bool = False
    """Whether a write repeats the password in a second pair of brackets."""
    read_commands: Annotated[tuple[Command, ...], msgspec.Meta(min_length=1)] = ("R5", "R1")
    """For registers, the likeliest first."""
    table_commands: Annotated[tuple[Command, ...], msgspec.Meta(min_length=1)] = ("R6", "R5")
    """For load profiles and logs."""
    write_command: Literal["W1", "W5"] = "W5"
    range_seasons: Annotated[tuple[bool, ...], msgspec.Meta(min_length=1)] = (True, False)
    """Whether times in a request have a season digit in front, the likeliest first."""
    acknowledge_blocks: bool = True
    """Whether each part of an answer in parts wants an ACK before the next one comes."""
    summer_min: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    """What the clock is ahead of standard time while its season digit says 1."""
    only_sends: bool = False
    """Whether the meter only sends by itself (mode D): neither schedule nor person asks it."""
    date_code: str = "0.9.2"
    time_code: str = "0.9.1"
    load_profile: str = "P.01"
    event_log: str = "P.98"
    rates: tuple[Rate, ...] = ()
    """The meter's rates as the tariffs E = 1, 2, .. of OBIS codes: ``[3, 2, 4]`` reads its rate 3
    for tariff 1. Rates that stand nowhere keep their own number, if no tariff has taken it."""
    codes: dict[ObisCode, str] = {}
    """OBIS code in full to the code that this meter wants in a command."""
    names: dict[str, ObisCode] = {}
    """What this meter writes to the OBIS code in full, where it is none by itself."""
    units: dict[ObisCode, str] = {}
    """OBIS code in full to the unit, of values that come without one."""

    def __post_init__(self) -> None:
        """Refuse units that nobody knows.

        Raises:
            ValueError: one of them is none.

        """
        for unit in self.units.values():
            if not unit or unit_of(unit) is None:
                raise ValueError(f"unit {unit!r} is not known; write kWh, W, V, A, Hz")


class Iec62056Timers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Starting values, over a cellular network and a slow line; a meter type may change them.

    The 1.5 s between two characters of the standard hold at the meter, not here.
    """

    answer_s: Seconds = 10.0
    """Until the first bytes of an answer."""
    gap_s: Seconds = 4.0
    """Between two pieces of one message."""
    quiet_s: Seconds = 0.6
    """After a session, before anything else is sent: the meter's reaction time and the network."""
    sign_ons: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    """How often a meter is called before it counts as silent."""
    restarts: Times = 2
    """How often a session that broke off is begun anew, for reads."""


PROTOCOLS: Final = {"iec62056-21": (Iec62056Options, Iec62056Timers)}
"""What a meter type of the protocol may say."""
