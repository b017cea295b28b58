"""Settings for all tests."""

from databases import oracle, oracle_server, postgres, postgres_server
from hypothesis import settings

__all__ = ["oracle", "oracle_server", "postgres", "postgres_server"]

# A shared machine stalls now and then: an example may take long without a fault of the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
