"""PostgreSQL's errors, in sentences for the person who must mend them."""

from typing import Any, Final, NamedTuple

import psycopg

from hes.store.errors import StoreDuplicate, StoreError, StoreUnavailable


class Told(NamedTuple):
    """What an error means to us."""

    kind: type[StoreError]
    sentence: str


_AWAY: Final = Told(
    StoreUnavailable, "{shown} cannot be reached ({text}); start it, or mend the network"
)
_STATES: Final = {
    "23505": Told(StoreDuplicate, "stored already in {shown}: {text}"),
    "25006": Told(
        StoreUnavailable,
        "{shown} takes no changes, it is a standby now; name its primary, or wait for its role",
    ),
    "3D000": Told(StoreError, "{shown} is not there ({text}); make the database first"),
    "42501": Told(
        StoreError,
        "the user may not do this in {shown} ({text}); grant it what `hes db ddl` lists",
    ),
    "42P01": Told(StoreError, "a table is missing in {shown} ({text}); see `hes db ddl`"),
    "42703": Told(StoreError, "a column is missing in {shown} ({text}); see `hes db ddl`"),
    "53100": Told(
        StoreUnavailable, "no room is left for {shown}; make some, the node goes on by itself"
    ),
    "53300": Told(
        StoreUnavailable,
        "{shown} has no connection left for us; raise max_connections, or end other programs",
    ),
    "55P03": Told(
        StoreUnavailable, "{shown} is held by another program that writes; stop that one first"
    ),
    "57014": Told(
        StoreUnavailable, "{shown} took too long for an answer; look for what makes it slow"
    ),
}
"""SQLSTATE to what a person should read."""
_CLASSES: Final = {
    "08": _AWAY,
    "28": Told(StoreUnavailable, "{shown} lets us not in ({text}); mend user and password"),
    "40": Told(StoreUnavailable, "{shown} ended our transaction ({text}); it is tried again"),
    "53": Told(StoreUnavailable, "{shown} lacks means ({text}); give it more"),
    "57": _AWAY,
    "58": Told(StoreUnavailable, "the disk under {shown} failed ({text}); look into its log"),
    "XX": Told(StoreError, "{shown} is damaged ({text}); restore it from a backup"),
}
"""The same, by the first two letters."""


def told(problem: Exception, shown: str) -> StoreError:
    """Return our error for one of PostgreSQL."""
    state = getattr(problem, "sqlstate", None) or ""
    text = one_line(problem)
    found = _STATES.get(state) or _CLASSES.get(state[:2])
    if found is None and not state and isinstance(problem, psycopg.OperationalError):
        found = _AWAY
    kind, sentence = found or Told(StoreError, "{shown} failed: {text}")
    return kind(sentence.format(shown=shown, text=text))


def is_lost(problem: Exception, connection: "psycopg.Connection[Any]") -> bool:
    """Return whether the connection is gone with this error."""
    if connection.closed or connection.broken:
        return True
    state = getattr(problem, "sqlstate", None) or "08"
    return isinstance(problem, psycopg.OperationalError) and state[:2] in {"08", "57"}


def one_line(problem: Exception) -> str:
    """Return what the server or the driver said, without its further lines."""
    said = problem.diag.message_primary if isinstance(problem, psycopg.Error) else None
    return " ".join((said or str(problem)).split())[:200]
