"""What a command may fail with, and the exit code and sentence that people get for it.

Errors of other packages are looked up only when something was raised: an error whose module was
never imported cannot be the one, so that `hes --help` imports none of them.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
"""As shells say it for SIGINT: 128 + 2."""


class CommandError(Exception):
    """The command cannot be carried out; the message is for the person who typed it."""

    def __init__(
        self, message: str, exit_code: int = FAILED, *, details: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.details = details
        """Further lines, e.g. one for each wrong row."""


class NodeAway(CommandError):
    """Nothing listens at the node's address."""


class Expected(NamedTuple):
    """A class of errors that is no mistake of ours."""

    module: str
    name: str
    exit_code: int


EXPECTED: Final = (
    Expected("hes.cli.failures", "CommandError", FAILED),
    Expected("typer.exceptions", "TyperException", USAGE),
    Expected("hes.app.errors", "StartError", USAGE),
    Expected("hes.config_tree", "ConfigError", USAGE),
    Expected("hes.devices", "DeviceListError", USAGE),
    Expected("hes.meter_types", "MeterTypesUnusable", USAGE),
    Expected("hes.store.errors", "StoreError", FAILED),
    Expected("hes.audit.errors", "AuditError", FAILED),
    Expected("hes.fleet.options", "FleetError", USAGE),
    Expected("hes.fleet.recorded", "VectorsError", USAGE),
    Expected("web.auth", "TokenFileError", USAGE),
    Expected("projections.errors", "ReadModelError", FAILED),
    Expected("builtins", "OSError", FAILED),
)


def expected() -> tuple[type[BaseException], ...]:
    """Return the classes that are told in a sentence; for an ``except``, which asks when raised."""
    return tuple(kind for kind, _ in _known())


def exit_code(problem: BaseException) -> int:
    """Return the exit code for one of the ``expected`` errors."""
    if isinstance(problem, CommandError):
        return problem.exit_code
    return next((code for kind, code in _known() if isinstance(problem, kind)), FAILED)


def lines(problem: BaseException) -> list[str]:
    """Return what is written to standard error, line by line."""
    if isinstance(problem, CommandError):
        return [f"hes: {problem}", *(f"  {detail}" for detail in problem.details)]
    if isinstance(problem, OSError) and problem.strerror:
        place = f"{problem.filename}: " if problem.filename else ""
        return [f"hes: {place}{problem.strerror}"]
    told = problem.format_message() if hasattr(problem, "format_message") else str(problem)
    context = getattr(problem, "ctx", None)
    hint = f" (see `{context.command_path} --help`)" if context is not None else ""
    return [f"hes: {told}{hint}"]


def leaves(problem: BaseException) -> list[BaseException]:
    """Return the errors in a group of errors, which is how trio's nurseries raise them."""
    if isinstance(problem, BaseExceptionGroup):
        return [leaf for part in problem.exceptions for leaf in leaves(part)]
    return [problem]


def _known() -> Iterator[tuple[type[BaseException], int]]:
    for entry in EXPECTED:
        module = sys.modules.get(entry.module)
        if module is not None:
            yield getattr(module, entry.name), entry.exit_code
