"""The machine may be busy: how long an example takes says nothing about the code."""

from hypothesis import settings

settings.register_profile("busy", deadline=None, derandomize=True)
settings.load_profile("busy")
