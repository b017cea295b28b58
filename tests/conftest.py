"""Settings for all tests."""

import os

from databases import oracle, oracle_server, postgres, postgres_server
from hypothesis import settings

__all__ = ["oracle", "oracle_server", "postgres", "postgres_server"]

# A shared machine stalls now and then: an example may take long without a fault of the code.
# The same examples in every run: who fails, fails again.
settings.register_profile("everyday", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("thorough", parent=settings.get_profile("everyday"), max_examples=100)
settings.load_profile(os.environ.get("HES_TEST_EXAMPLES", "everyday"))
