import pytest
from hypothesis import given, strategies as st

from protocols.tariffs import as_rate, as_tariff, rate_of, tariff_of


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("1.0.1.8.3.255", "1.0.1.8.1.255"),
        ("1.0.1.8.2.255", "1.0.1.8.2.255"),
        ("1.0.1.8.4.255", "1.0.1.8.3.255"),
        ("1.0.1.8.0.255", "1.0.1.8.0.255"),
        ("1.0.2.6.3.101", "1.0.2.6.1.101"),
        ("1.0.1.8.5.255", "1.0.1.8.5.255"),
        ("1.0.32.7.0.255", "1.0.32.7.0.255"),
        ("1.0.81.7.3.255", "1.0.81.7.3.255"),  # an angle: its group E is no rate
        ("0.0.96.10.3.255", "0.0.96.10.3.255"),
    ],
)
def test_rates_are_renumbered_both_ways(theirs: str, ours: str) -> None:
    assert as_tariff((3, 2, 4), theirs) == ours
    assert as_rate((3, 2, 4), ours) == theirs


def test_a_rate_that_is_no_tariff_has_no_code_of_ours() -> None:
    assert as_tariff((3, 2, 4), "1.0.1.8.1.255") is None
    assert as_rate((3, 2, 4), "1.0.1.8.4.255") is None


@given(st.lists(st.integers(1, 9), unique=True, max_size=5), st.integers(0, 12))
def test_there_and_back(rates: list[int], number: int) -> None:
    rate, tariff = rate_of(rates, number), tariff_of(rates, number)
    assert rate is None or tariff_of(rates, rate) == number
    assert tariff is None or rate_of(rates, tariff) == number


def test_without_rates_every_code_is_its_own() -> None:
    assert as_tariff((), "1.0.1.8.1.255") == as_rate((), "1.0.1.8.1.255") == "1.0.1.8.1.255"
