"""Reads the meter types that a node knows: those of the program, and those of its own folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hes.event_names import EVENT_NAMES
from protocols.meter_types.catalogue import MeterTypes
from protocols.meter_types.checking import Fault
from protocols.meter_types.loading import SUFFIX, TEXT_SIZE_MAX, MeterTypeError, load
from protocols.meter_types.meter_type import MeterType
from protocols.meter_types.shipped import shipped_types

FILES_MAX: Final = 2000


class MeterTypesUnusable(Exception):
    """The folder of meter types cannot be used; the message says what to mend."""


def read_types(folder: str | None) -> MeterTypes:
    """Return the shipped types and those of ``folder``, which take the place of shipped ones.

    Raises:
        MeterTypesUnusable: the folder or a file in it; the message tells the first fault.

    """
    if folder is None:
        return shipped_types()
    try:
        files = files_of(Path(folder))
    except OSError as problem:
        raise MeterTypesUnusable(f"meter_types.folder: {folder}: {problem.strerror}") from None
    try:
        return shipped_types().with_own(map(read_type, files))
    except MeterTypeError as problem:
        more = f" (and {len(problem.faults) - 1} more)" if len(problem.faults) > 1 else ""
        raise MeterTypesUnusable(f"{problem.sentences[0]}{more}") from None


def files_of(folder: Path) -> list[Path]:
    """Return the files of a folder that are meter types.

    Raises:
        OSError: it is no folder, or may not be read.

    """
    files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    return files[:FILES_MAX]


def read_type(file: Path) -> MeterType:
    """Return the meter type in a file.

    Raises:
        MeterTypeError: it cannot be read, or something in it cannot be used.

    """
    where, name = str(file), file.name.removesuffix(SUFFIX)
    try:
        with file.open("rb") as opened:
            raw = opened.read(TEXT_SIZE_MAX + 1)
        text = raw.decode("utf-8")
    except OSError as problem:
        reason = f"cannot be read: {problem.strerror}"
        raise MeterTypeError(where, [Fault("", reason)]) from None
    except UnicodeDecodeError as problem:
        reason = f"byte {problem.start} is no UTF-8; save it as such"
        raise MeterTypeError(where, [Fault("", reason)]) from None
    return load(name, text, where=where, events=EVENT_NAMES)


def faults(files: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with files of meter types."""
    for file in files:
        try:
            read_type(file)
        except MeterTypeError as problem:
            yield from problem.sentences
