"""Settings for all tests."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from databases import oracle, oracle_server, postgres, postgres_server
from hypothesis import settings

__all__ = ["oracle", "oracle_server", "postgres", "postgres_server"]

# A shared machine stalls now and then: an example may take long without a fault of the code.
# The same examples in every run: who fails, fails again.
settings.register_profile("everyday", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("thorough", parent=settings.get_profile("everyday"), max_examples=100)
settings.load_profile(os.environ.get("HES_TEST_EXAMPLES", "everyday"))

LONG: Final = {Path(__file__).parent / name for name in ("e2e", "simulation")}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the collector of garbage pass over what stays to the end: the modules and the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left with it at the end."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("slow"):
        return 0
    return 1 if item.path.parent in LONG else 2
