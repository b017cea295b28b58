"""PostgreSQL's errors by their SQLSTATE: what passes by itself, and what a person must mend."""

import psycopg
import pytest

from hes.store.errors import StoreDuplicate, StoreError, StoreUnavailable
from hes.store.postgres_errors import told


@pytest.mark.parametrize(
    ("state", "kind", "sentence"),
    [
        ("23505", StoreDuplicate, "stored already in db"),
        ("25006", StoreUnavailable, "it is a standby now"),
        ("28P01", StoreUnavailable, "mend user and password"),
        ("3D000", StoreError, "make the database first"),
        ("40001", StoreUnavailable, "it is tried again"),
        ("40P01", StoreUnavailable, "it is tried again"),
        ("42501", StoreError, "grant it what `hes db ddl` lists"),
        ("42P01", StoreError, "a table is missing"),
        ("53100", StoreUnavailable, "no room is left for db; make some"),
        ("53200", StoreUnavailable, "give it more"),
        ("53300", StoreUnavailable, "no connection left"),
        ("55P03", StoreUnavailable, "held by another program"),
        ("57014", StoreUnavailable, "took too long"),
        ("57P01", StoreUnavailable, "cannot be reached"),
        ("58030", StoreUnavailable, "disk under db failed"),
        ("XX001", StoreError, "restore it from a backup"),
        ("22003", StoreError, "db failed"),
    ],
)
def test_a_state_has_its_kind_and_sentence(
    state: str, kind: type[StoreError], sentence: str
) -> None:
    found = told(psycopg.errors.lookup(state)("first line\nsecond"), "db")
    assert type(found) is kind
    assert sentence in str(found)
    assert "\n" not in str(found)


def test_a_connection_that_fails_without_a_state_is_waited_for() -> None:
    found = told(psycopg.OperationalError("connection refused"), "db")
    assert type(found) is StoreUnavailable
