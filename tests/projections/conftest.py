from collections.abc import Iterator
from pathlib import Path

import pytest
from read_models import Models, device


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    opened = Models(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def registered(models: Models) -> Models:
    """Meter A behind modem 861."""
    models.tell(("meter:A", device()))
    return models
