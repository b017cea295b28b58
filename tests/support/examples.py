"""How many generated examples a test gets; the profiles are in ``tests/conftest.py``."""

from hypothesis import settings


def many(times: float) -> int:
    """Return ``times`` as many examples as the profile gives: for what costs much, or little."""
    return max(1, round(times * settings.default.max_examples))
