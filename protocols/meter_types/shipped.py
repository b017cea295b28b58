"""The meter types that come with the program: the TOML files of this package."""

from functools import cache
from importlib import resources

from protocols.meter_types.catalogue import MeterTypes
from protocols.meter_types.loading import SUFFIX, load


@cache
def shipped_texts() -> dict[str, str]:
    """Return the text of each file of the package, by the name of its type."""
    files = sorted(resources.files(__package__).iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(SUFFIX): file.read_text(encoding="utf-8")
        for file in files
        if file.name.endswith(SUFFIX)
    }


@cache
def shipped_types() -> MeterTypes:
    """Return the types of the package.

    Raises:
        MeterTypeError: one of its files is wrong, which a test would have told.

    """
    return MeterTypes(load(name, text) for name, text in shipped_texts().items())
