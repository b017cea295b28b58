"""What ``hes db ddl`` prints: the tables of a node, and the least a user must be granted."""

import importlib
from collections.abc import Iterator
from typing import Final

from hes.store.schema import SCHEMAS
from projections.base import find_projections
from projections.folding import BASE
from projections.sql.days import REST
from projections.sql.schema import Table, create_indexes, create_table

DATABASES: Final = tuple(SCHEMAS)
GRANTS: Final = {
    "sqlite": ("A file; the user of the node needs to write it and its folder.",),
    "postgresql": (
        "The user that runs these statements owns the tables. A node under another user needs:",
        "  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO hes;",
        "and for the read models, which it makes anew by itself, also:",
        "  GRANT USAGE, CREATE ON SCHEMA public TO hes;",
        "A reader, as auditors are:  GRANT SELECT ON ev, sealed, sealed_end, stream,",
        "topic, layout, head TO auditor;",
    ),
    "oracle": (
        "As the user of the node, who needs no more than:",
        "  GRANT CREATE SESSION TO hes;  ALTER USER hes QUOTA 500G ON users;",
        "and for making tables and views by itself, those of the read models at least:",
        "  GRANT CREATE TABLE, CREATE VIEW TO hes;",
        "A reader, as auditors are:  GRANT SELECT ON hes.ev TO auditor; likewise more, sealed,",
        "sealed_end, stream, topic, layout and head.",
    ),
}


def store_lines(database: str) -> Iterator[str]:
    """Yield the statements for the event log."""
    schema = SCHEMAS[database]
    yield "-- The event log."
    for statement in schema.log:
        yield f"{statement};"
    yield "-- Wanted only by applications of the eventsourcing library."
    for statement in schema.aside:
        yield f"{statement};"


def read_model_lines(database: str) -> Iterator[str]:
    """Yield the statements for the read models."""
    name = {"postgresql": "postgres"}.get(database, database)
    types = importlib.import_module(f"projections.sql.{name}").TYPES
    tables = [*BASE, *(table for one in find_projections() for table in one.tables)]
    yield "-- The read models. The node makes and rebuilds them by itself if it may."
    for table in tables:
        by_day = bool(table.by_day) and database != "sqlite"
        place = table.name + REST if by_day else table.name
        yield f"{create_table(table, place, types)};"
        for statement in create_indexes(table, place):
            yield f"{statement};"
        if by_day:
            yield from _view(table, place)


def _view(table: Table, place: str) -> Iterator[str]:
    yield f"-- The node makes a table for each day beside it, {table.name}_dYYYYMMDD."
    columns = ", ".join(table.names)
    yield f"CREATE VIEW {table.name} AS SELECT {columns} FROM {place};"  # noqa: S608 -- names of ours


def grant_lines(database: str) -> Iterator[str]:
    """Yield what a user needs, as comments."""
    for line in GRANTS[database]:
        yield f"-- {line}"
