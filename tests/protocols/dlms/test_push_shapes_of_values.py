"""The ways in which a push says what its values are, and bodies that do not say it."""

from typing import Any

import pytest

from protocols.dlms.push import items_of

ENERGY, VOLTAGE = bytes((1, 0, 1, 8, 0, 255)), bytes((1, 0, 32, 7, 0, 255))
CODES = ["1.0.1.8.0.255", "1.0.32.7.0.255"]


def told(body: Any) -> list[tuple[str, Any, int | None]]:
    return [(item.obis, item.value, item.attribute) for item in items_of(body)]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("index", [[], [0]])
def test_class_code_attribute_and_value(nested: bool, index: list[int]) -> None:
    parts = [[3, ENERGY, 2, *index, 987], [3, VOLTAGE, 2, *index, 2311]]
    assert told([parts] if nested else parts) == [(CODES[0], 987, 2), (CODES[1], 2311, 2)]


@pytest.mark.parametrize("nested", [False, True])
def test_a_single_register_keeps_its_scaler(nested: bool) -> None:
    part = [ENERGY, 987, [-1, 30]]
    (item,) = items_of([part] if nested else part)
    assert (item.obis, item.value, item.scaler, item.unit) == (CODES[0], 987, -1, 30)


@pytest.mark.parametrize(
    "body",
    [
        [[3, ENERGY, 2, 0]],
        [[[3, ENERGY, 2, 0], [3, VOLTAGE, 2, 0]]],
        [3, ENERGY, 2, 0],
        [[3, ENERGY, 2, 0], [3, VOLTAGE, 2, 0]],
        [1, 2, 3],
        [],
    ],
)
def test_definitions_alone_and_bare_values_say_nothing(body: Any) -> None:
    assert items_of(body) == []


def test_definitions_with_values_behind_them() -> None:
    objects = [[3, ENERGY, 2, 0], [3, VOLTAGE, 2, 0]]
    assert told([objects, 987, 2311]) == [(CODES[0], 987, 2), (CODES[1], 2311, 2)]
