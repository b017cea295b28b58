"""What meters usually have, and what those who call it otherwise call it."""

from typing import Final

from protocols.values import ObisCode

USUAL: Final[tuple[ObisCode, ...]] = (
    *(f"1.0.{c}.8.{e}.255" for c in (1, 2) for e in range(4)),
    *(f"1.0.{c}.8.0.255" for c in (3, 4, 5, 6, 7, 8)),
    *(f"1.0.{c}.7.0.255" for c in (1, 2, 21, 41, 61, 3, 9)),
    *(f"1.0.{c}.7.0.255" for c in (32, 52, 72, 31, 51, 71, 13, 33, 53, 73, 14)),
    *(f"1.0.1.6.{e}.255" for e in range(4)),
)
"""What is read when nobody says what: energies by rate and quadrant, instantaneous values of each
phase, maximum demand by rate. What a meter does not have it is asked for once."""
PROFILES_ALSO: Final[dict[ObisCode, ObisCode]] = {"0.0.98.1.0.255": "1.0.98.1.0.255"}
"""A profile by its usual code to the one that other makers give it: billing, which some count to
electricity."""
