"""Where read models are: what the URL of the configuration names."""

from contextlib import AbstractContextManager
from typing import Protocol

from hes.store.errors import StoreError
from hes.store.password import read_password
from projections.errors import ReadModelError
from projections.sql.database import Database
from projections.sql.sqlite import SqlitePlace, path_of


class Place(Protocol):
    """A place for tables; connections to it are made by any thread."""

    @property
    def shown(self) -> str:
        """What it is called in a sentence, without secrets."""
        ...

    def connect(self, *, read_only: bool = False) -> Database:
        """Return a connection.

        Raises:
            ReadModelError: it cannot be had; ``ReadModelUnavailable`` when only for now.

        """
        ...

    def shadow(self) -> AbstractContextManager["Place"]:
        """Lend a place for tables that are built beside these; they go at the end."""
        ...


def open_place(url: str, password_file: str | None = None, *, partitions: bool = False) -> Place:
    """Return the place of a URL; nothing is connected yet.

    Raises:
        ReadModelError: the URL or the file of the password cannot be used.

    """
    scheme, mark, _ = url.partition("://")
    match scheme if mark else "":
        case "sqlite":
            return SqlitePlace(path_of(url))
        case "postgresql":
            from projections.sql.postgres import PostgresPlace  # noqa: PLC0415 -- where it is used

            return PostgresPlace(url, _secret(password_file))
        case "oracle":
            from hes.store.oracle_link import target_of  # noqa: PLC0415
            from projections.sql.oracle import OraclePlace  # noqa: PLC0415 -- where it is used

            try:
                target = target_of(url)
            except StoreError as problem:
                raise ReadModelError(str(problem)) from None
            target = target._replace(password=_secret(password_file) or target.password)
            return OraclePlace(target, partitions=partitions)
        case _:
            raise ReadModelError(
                "read models are in sqlite:///file.db, postgresql://user@host/database or"
                " oracle://user@host:port/service"
            )


def _secret(file: str | None) -> str | None:
    try:
        return read_password(file)
    except StoreError as problem:
        raise ReadModelError(str(problem)) from None
