"""Which of a meter's rates is which tariff: the order is the maker's, and not the same everywhere.

Tariffs are group E of the OBIS codes of energies and demands. Only these are renumbered.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Final

import msgspec

Rate = Annotated[int, msgspec.Meta(ge=1, le=63)]
RATED: Final = frozenset({"2", "6", "8", "9", "29"})
"""Groups D that are counted by rate: cumulated and single maximum demands, energies."""
CODES_CACHED: Final = 4096


def rate_of(rates: Sequence[int], tariff: int) -> int | None:
    """Return the meter's own number of a tariff; None: it has none, since a rate has it taken."""
    if tariff == 0:
        return 0
    if tariff <= len(rates):
        return rates[tariff - 1]
    return None if tariff in rates else tariff


def tariff_of(rates: Sequence[int], rate: int) -> int | None:
    """Return the tariff that a rate of the meter is; None: no tariff."""
    if rate == 0:
        return 0
    if rate in rates:
        return rates.index(rate) + 1
    return rate if rate > len(rates) else None


@lru_cache(maxsize=CODES_CACHED)
def as_tariff(rates: tuple[int, ...], obis: str) -> str | None:
    """Return the code of what a meter calls ``obis``; None: it is no tariff of ours."""
    return _renumbered(rates, obis, to_tariff=True)


@lru_cache(maxsize=CODES_CACHED)
def as_rate(rates: tuple[int, ...], obis: str) -> str | None:
    """Return what a meter calls ``obis``; None: it has no such rate."""
    return _renumbered(rates, obis, to_tariff=False)


def _renumbered(rates: tuple[int, ...], obis: str, *, to_tariff: bool) -> str | None:
    parts = obis.split(".")
    if not rates or len(parts) != 6 or parts[0] != "1" or parts[3] not in RATED:
        return obis
    number = (tariff_of if to_tariff else rate_of)(rates, int(parts[4]))
    if number is None:
        return None
    parts[4] = str(number)
    return ".".join(parts)
