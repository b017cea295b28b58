from collections.abc import Callable, Iterator

import pytest
from stores import KINDS, Place, places

from hes.store.port import EventLog


@pytest.fixture(params=KINDS)
def new_place(request: pytest.FixtureRequest) -> Callable[[], Place]:
    """Gives an empty log on each kind of database, in turn."""
    return places(request.param, request)


@pytest.fixture
def place(new_place: Callable[[], Place]) -> Place:
    return new_place()


@pytest.fixture
def opener(place: Place) -> Iterator[Callable[[], EventLog]]:
    """Opens the same log each time: another process would get the same."""
    opened: list[EventLog] = []

    def open_one() -> EventLog:
        opened.append(place.open())
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture
def log(opener: Callable[[], EventLog]) -> EventLog:
    log = opener()
    log.fence()
    return log
