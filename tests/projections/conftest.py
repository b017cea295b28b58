"""One suite for all databases: a test that takes ``place`` or ``models`` runs on each of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from read_models import Models, device, oracle_place

from projections.sql.places import Place, open_place
from projections.sql.sqlite import SqlitePlace

SERVERS: Final = [
    pytest.param("postgresql", marks=pytest.mark.databases),
    pytest.param("oracle", marks=pytest.mark.databases),
]


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Any) -> str:
    """One database for all tests here; each removes the tables of the one before."""
    url: str = postgres_server.new_database()
    return url


@pytest.fixture(params=["sqlite", *SERVERS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for read models; whoever uses it first makes the tables anew."""
    match request.param:
        case "postgresql":
            return open_place(request.getfixturevalue("postgres_url"))
        case "oracle":
            return oracle_place(request.getfixturevalue("oracle"))
        case _:
            return SqlitePlace(str(tmp_path / "read.db"))


@pytest.fixture
def place_url(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of ``place``, for another process."""
    if isinstance(place, SqlitePlace):
        return f"sqlite:///{tmp_path / 'read.db'}"
    if request.node.callspec.params["place"] == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    oracle = request.getfixturevalue("oracle")
    return f"oracle://{oracle.user}:{oracle.password}@{oracle.dsn}"


@pytest.fixture
def models(place: Place) -> Iterator[Models]:
    opened = Models(place, anew=True)
    yield opened
    opened.close()


@pytest.fixture
def registered(models: Models) -> Models:
    """Meter A behind modem 861."""
    models.tell(("meter:A", device()))
    return models
