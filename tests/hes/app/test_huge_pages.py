"""Which memory is merged into large pages."""

import ctypes
import mmap

import pytest
import trio
from trio.testing import MockClock

from hes.app import huge_pages
from hes.app.huge_pages import HUGE, KB, HugePages, Mapping, mappings, to_merge

SMAPS = """\
00400000-00a00000 r-xp 00000000 fe:00 1234  /usr/bin/python3
Rss:                6144 kB
AnonHugePages:         0 kB
7f0000000000-7f0000800000 rw-p 00000000 00:00 0
Size:               8192 kB
Rss:                8000 kB
AnonHugePages:      2048 kB
VmFlags: rd wr mr mw me ac
7f1000000000-7f1000800000 rw-p 00000000 00:00 0
Rss:                  40 kB
AnonHugePages:         0 kB
01000000-01400000 rw-p 00000000 00:00 0  [heap]
Rss:                4096 kB
AnonHugePages:         0 kB
7f2000000000-7f2000800000 rw-s 00000000 fe:00 77  /var/lib/hes/events.db-shm
Rss:                8192 kB
AnonHugePages:         0 kB
"""


def test_only_anonymous_memory_that_may_be_written_counts() -> None:
    found = list(mappings(SMAPS.splitlines()))
    assert found == [
        Mapping(0x7F0000000000, 0x7F0000800000, 8000 * KB, 2048 * KB),
        Mapping(0x7F1000000000, 0x7F1000800000, 40 * KB, 0),
        Mapping(0x1000000, 0x1400000, 4096 * KB, 0),
    ]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (Mapping(0, 4 * HUGE, 4 * HUGE, 0), (0, 4 * HUGE)),
        (Mapping(KB, 4 * HUGE - KB, 4 * HUGE - 2 * KB, 0), (HUGE, 3 * HUGE)),  # whole ones only
        (Mapping(KB, 2 * HUGE - KB, 2 * HUGE - 2 * KB, 0), None),
        (Mapping(0, 4 * HUGE, HUGE // 4, 0), None),  # the stack of a thread
        (Mapping(0, 4 * HUGE, 4 * HUGE, 4 * HUGE), None),  # merged already
    ],
)
def test_what_is_worth_merging(mapping: Mapping, expected: tuple[int, int] | None) -> None:
    assert list(to_merge([mapping])) == ([expected] if expected else [])


async def test_memory_in_use_is_merged_and_keeps_its_contents() -> None:
    block = mmap.mmap(-1, 6 * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block.write(b"\x5a" * (6 * HUGE))
    where = ctypes.addressof(ctypes.c_char.from_buffer(block))
    pages = HugePages()
    with trio.move_on_after(0.5):
        await pages.run()
    found = mappings(huge_pages.SMAPS.read_text().splitlines())
    ours = [mapping for mapping in found if mapping.start <= where < mapping.end]
    assert block[:] == b"\x5a" * (6 * HUGE)
    if "switched off" in pages.detail() or not ours or not ours[0].huge:
        pytest.skip("this system merges no pages")
    assert ours[0].huge >= 4 * HUGE


async def test_memory_that_does_not_grow_is_not_looked_at_again(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    pages = HugePages()
    monkeypatch.setattr(pages, "_merge", lambda: looks.append(0.0))
    with trio.move_on_after(3600):
        await pages.run()
    assert 1 <= len(looks) <= 5


async def test_a_system_without_large_pages_ends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(huge_pages, "ENABLED", huge_pages.Path("/nonexistent/enabled"))
    pages = HugePages()
    await pages.run()
    assert pages.detail() == "this system has no large pages"
