"""What a projection is: a fold of events into tables of its own.

A projection is one module of this package with a ``PROJECTION``; the package finds it. Its tables
belong to it alone, and it may be rebuilt from the first event at any time.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Protocol, runtime_checkable

import projections
from hes.events.base import DomainEvent, Recorded
from hes.ids import meter_of
from projections.sql.database import Database
from projections.sql.schema import Table

__all__ = [
    "Change", "Database", "Projection", "Table", "Tending", "find_projections", "from_utc_ms",
    "meter_in", "utc_ms",
]  # fmt: skip

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


Change = tuple[str, str]
"""Something that live screens may show differently now: a topic (``meters``, ``alarms``,
``modems``, ...) and a name in it. A plain tuple: a batch has thousands of them."""


class Projection(Protocol):
    """See the module."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised when the tables or the fold change: it is rebuilt at the next start."""
    tables: ClassVar[tuple[Table, ...]]
    """Its own, as data: each database makes them in its own words."""
    events: ClassVar[tuple[type[DomainEvent], ...]]
    """The kinds of events that it folds; it sees no others."""

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """Take events in order; the caller commits their rows together with the position.

        Raises:
            ValueError, KeyError, TypeError, ArithmeticError: an event makes no sense; it is put
                aside, and the projection goes on with the next.

        """
        ...


@runtime_checkable
class Tending(Protocol):
    """What a projection has besides that leaves some of its work for quiet moments.

    Its rows are whole when it is settled; until then its queries make up for what is missing.
    """

    def is_unsettled(self, db: Database) -> bool:
        """Return whether something was left."""
        ...

    def settle(self, db: Database) -> bool:
        """Do some of it; False when that was the last. The caller commits."""
        ...

    def forget(self, db: Database) -> None:
        """Remove what was made of days before ``db.kept_from``. The caller commits."""
        ...


def find_projections() -> list[Projection]:
    """Return every projection of this package, in the order of their names."""
    modules = (
        importlib.import_module(f"{projections.__name__}.{found.name}")
        for found in pkgutil.iter_modules(projections.__path__)
        if not found.ispkg
    )
    found = [module.PROJECTION for module in modules if hasattr(module, "PROJECTION")]
    return sorted(found, key=lambda projection: projection.name)


def meter_in(stream: str) -> str:
    """Return the meter whose stream this is.

    Raises:
        ValueError: it is of something else, so that what stands in it makes no sense.

    """
    meter = meter_of(stream)
    if meter is None:
        raise ValueError(f"this belongs to a meter, not to {stream[:80]}")
    return meter


def utc_ms(instant: datetime) -> int:
    """Return milliseconds since 1970 of an aware time: how times stand in the tables."""
    # In whole numbers: as a float, one time in nine comes out a millisecond early.
    return (instant - EPOCH) // MILLISECOND


def all_utc_ms(instants: Iterable[datetime]) -> list[int]:
    """Return ``utc_ms`` of many times: the division is by far the dearest of it."""
    return [
        since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
        for since in [instant - EPOCH for instant in instants]
    ]


def from_utc_ms(ms: int) -> datetime:
    """Return the time that ``utc_ms`` made ``ms`` of."""
    return EPOCH + ms * MILLISECOND
