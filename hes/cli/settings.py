"""Finds the configuration that a command line means."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hes.config import Config


def config_of(path: Path | None) -> "Config":
    """Return the configuration in ``path``; without one, ``./hes.toml`` if there, or the defaults.

    Raises:
        ConfigError: it cannot be used.

    """
    from hes.config import DEFAULT_FILE, load_config  # noqa: PLC0415 -- keeps `hes --help` quick

    if path is None and DEFAULT_FILE.exists():
        path = DEFAULT_FILE
    return load_config(path, os.environ)
