"""A maximum and the moment of it share one OBIS code: the value is shown, whichever comes first."""

import pytest

from hes.events.layout import Channel, Layout
from projections.cells import cells

CODE = "1.0.1.6.0.255"
VALUE = Channel(CODE, 0, 27, 4, 2)
MOMENT = Channel(CODE, None, None, 4, 5)
TIME = bytes.fromhex("07ea0601010c000000fe5c00")


@pytest.mark.parametrize(
    ("channels", "values"),
    [((VALUE, MOMENT), (70, TIME)), ((MOMENT, VALUE), (TIME, 70)), ((VALUE, VALUE), (70, 71))],
)
def test_each_code_is_told_once(channels: tuple[Channel, ...], values: tuple[object, ...]) -> None:
    assert list(cells(Layout(channels), values)) == [(CODE, "70", "W", "good")]


def test_a_moment_alone_is_told() -> None:
    assert list(cells(Layout((MOMENT,)), (TIME,))) == [(CODE, "hex:" + TIME.hex(), None, "good")]
