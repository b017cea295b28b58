"""The program ``hes``: finds its commands, runs one, and tells in a sentence why it failed."""

import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any

import typer

import hes.cli.commands
from hes.cli import failures

HELP = "HES, an open AMI head-end system: reads electricity meters behind cellular modems."


def build_app(name: str = "") -> typer.Typer:
    """Return the program with every command that the package has, or with the one of that name.

    To make the options of all takes longer than most commands take.
    """
    app = typer.Typer(
        name="hes",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for found in pkgutil.iter_modules(hes.cli.commands.__path__):
        module = importlib.import_module(f"{hes.cli.commands.__name__}.{found.name}")
        module.register(app)
    app.callback()(_above)
    commands = [each for each in app.registered_commands if each.name == name]
    groups = [each for each in app.registered_groups if _name_of(each) == name]
    if commands or groups:
        app.registered_commands, app.registered_groups = commands, groups
    return app


def _above() -> None:
    """Stand above the commands, also where there is one only."""


def _name_of(group: typer.models.TyperInfo) -> Any:
    return group.typer_instance.info.name if group.typer_instance else None


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line; return the exit code and never a traceback for what can happen.

    A mistake of ours is let through: its traceback is what we want to see.
    """
    try:
        return _told(arguments)
    except BrokenPipeError:
        return _pipe_closed()
    except KeyboardInterrupt:
        return failures.INTERRUPTED
    except failures.expected() as problem:
        return _fail(problem)
    except BaseExceptionGroup as group:
        return _fail_group(group)


def _told(arguments: Sequence[str] | None) -> int:
    args = list(sys.argv[1:] if arguments is None else arguments)
    command: Any = typer.main.get_command(build_app(args[0] if args else ""))
    result = command.main(args=args, prog_name="hes", standalone_mode=False)
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _fail(problem: BaseException) -> int:
    sys.stderr.write("".join(f"{line}\n" for line in failures.lines(problem)))
    return failures.exit_code(problem)


def _fail_group(group: BaseExceptionGroup[BaseException]) -> int:
    parts = failures.leaves(group)
    if any(isinstance(part, KeyboardInterrupt) for part in parts):
        return failures.INTERRUPTED
    if not all(isinstance(part, failures.expected()) for part in parts):
        raise group
    return max(_fail(part) for part in parts)


def _pipe_closed() -> int:
    """Whoever read our output has gone (``hes events | head``): stop without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return failures.FAILED
