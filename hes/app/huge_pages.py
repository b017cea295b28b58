"""The memory of the node in pages of 2 MB instead of 4 KB, where Linux allows it.

Ten thousand modems and meters are spread over tens of thousands of small pages, more than the
processor keeps the addresses of: at nearly every push it walks the page tables for a modem it has
not heard of for a while. Large pages take a fifth off the time of a push (``bench/path.py``).
The interpreter asks for its memory piece by piece and cannot be told to ask for large pages, so
what it has is merged from time to time. Only what is filled is merged: nothing grows by it.
"""

import ctypes
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import trio

PERIOD_S: Final = 5.0
GROWN: Final = 1.05
"""Looked at again when there is so many times as much memory as at the last look."""
STATM: Final = Path("/proc/self/statm")
SMAPS: Final = Path("/proc/self/smaps")
ENABLED: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")
KB: Final = 1024
HUGE: Final = 2048 * KB
FILLED: Final = 0.98
"""So much of a mapping must be in use: the stack of a thread is a large one, nearly empty."""
MADV_HUGEPAGE: Final = 14
MADV_COLLAPSE: Final = 25
"""Since Linux 6.1; an older kernel refuses it and merges by and by on its own."""


class Mapping(NamedTuple):
    """A range of anonymous memory that may be written."""

    start: int
    end: int
    resident: int
    """Bytes."""
    huge: int
    """Bytes in large pages."""


class HugePages:
    """Merges pages now and then; see the module."""

    def __init__(self) -> None:
        self._huge = 0
        self._resident = 0.0
        """Pages at the last look."""
        self._trouble = ""

    def detail(self) -> str:
        """Return how much is in large pages, for the tree."""
        return self._trouble or f"{self._huge // HUGE * 2} MB in pages of 2 MB"

    async def run(self) -> None:
        """Merge for ever; nothing is done where Linux does not let us."""
        while not self._trouble:
            if self._has_grown():
                await trio.to_thread.run_sync(self._merge)
            else:
                await trio.sleep(PERIOD_S)

    def _has_grown(self) -> bool:
        try:
            resident = int(STATM.read_text().split()[1])
        except OSError:
            self._trouble = "this system does not tell how much memory is in use"
            return False
        if resident < GROWN * self._resident:
            return False
        self._resident = resident
        return True

    def _merge(self) -> None:
        try:
            if "[never]" in ENABLED.read_text():
                self._trouble = "large pages are switched off in this system"
                return
            found = list(mappings(SMAPS.read_text().splitlines()))
        except OSError:
            self._trouble = "this system has no large pages"
            return
        self._huge = sum(mapping.huge for mapping in found)
        for start, end in to_merge(found):
            _advise(start, end - start)


def mappings(smaps: Iterable[str]) -> Iterator[Mapping]:
    """Yield the anonymous, writable mappings in a text as ``/proc/self/smaps`` has it."""
    start = end = resident = 0
    wanted = False
    for line in smaps:
        name, *rest = line.split()
        if "-" in name and not name.endswith(":"):
            low, high = name.split("-")
            start, end = int(low, 16), int(high, 16)
            wanted = rest[0].startswith("rw") and (len(rest) == 4 or rest[4:] == ["[heap]"])
        elif wanted and name == "Rss:":
            resident = int(rest[0]) * KB
        elif wanted and name == "AnonHugePages:":
            yield Mapping(start, end, resident, int(rest[0]) * KB)


def to_merge(found: Iterable[Mapping]) -> Iterator[tuple[int, int]]:
    """Yield the ranges that are worth it: filled, and not in large pages yet."""
    for start, end, resident, huge in found:
        low, high = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        filled = resident >= FILLED * (end - start)
        if low < high and filled and huge < FILLED * (high - low):
            yield low, high


def _advise(start: int, size: int) -> None:
    """Merge a range. What cannot be merged stays as it is; the kernel's answer changes nothing."""
    libc = ctypes.CDLL(None)
    for advice in (MADV_HUGEPAGE, MADV_COLLAPSE):
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), ctypes.c_int(advice))
