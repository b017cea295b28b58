"""Settings for all tests."""

from hypothesis import settings

# A shared machine stalls now and then: an example may take long without a fault of the code.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")
