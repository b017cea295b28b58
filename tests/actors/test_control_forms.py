"""What objects of a meter say, as people read it."""

from typing import Any

import pytest

from actors.control_forms import limiter_answer
from protocols.dlms.classes.common import Watched
from protocols.dlms.classes.limiter import Limiter
from protocols.dlms.objects import Scale
from protocols.dlms.operations.limiter import LimiterRead

POWER = Watched(3, bytes((1, 0, 1, 4, 0, 255)), 2)


@pytest.mark.parametrize(("raw", "scaler", "shown"), [
    (11_000, 0, "11000"), (11_000, None, "11000"), (10_000, 1, "100000"), (7, 3, "7000"),
    (2305, -1, "230.5"), (2.5, 1, "25"), (-5, -3, "-0.005"), (0, 2, "0"),
    (None, 0, None), (True, 0, None), (b"\x01", 0, None),
])  # fmt: skip
def test_thresholds_are_plain_decimals(raw: Any, scaler: int | None, shown: str | None) -> None:
    limiter = Limiter(watched=POWER, threshold_active=raw, threshold_normal=raw)
    answer = limiter_answer(LimiterRead(limiter, Scale(scaler, 27)))
    assert (answer.threshold_active, answer.threshold_normal) == (shown, shown)
    assert (answer.unit, answer.watched) == ("W", "1.0.1.4.0.255")
