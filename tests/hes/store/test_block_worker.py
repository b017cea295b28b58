"""Blocks made in another process are the same; one that ends is told, and not waited for."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sealed_logs import CODEC, NOW, Opened, check, many, opened
from stores import Place

from hes.store.block_check import HotRow, checked_block
from hes.store.block_worker import BlockWorker
from hes.store.chain import link, origin
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.sealing import Sealer


@pytest.fixture
def found(tmp_path: Path) -> Iterator[Opened]:
    place = Place(f"sqlite:///{tmp_path}/log.db")
    many(place, 12)
    with opened(place) as log:
        yield log


def rows_of(count: int) -> list[HotRow]:
    chain, rows = origin("meter:1"), []
    for number in range(1, count + 1):
        chain = link(chain, number, number, b"A/1", b"x")
        rows.append(HotRow(number, "meter:1", number, "A/1", b"x", chain, 1))
    return rows


def test_its_blocks_are_those_of_this_process() -> None:
    rows = rows_of(9)
    with BlockWorker() as worker:
        assert worker.block([rows], {}) == checked_block([rows], {})
        before = {1: (4, rows[3].chain)}
        assert worker.block([rows[4:]], before) == checked_block([rows[4:]], before)


def test_what_is_wrong_is_told_and_it_goes_on() -> None:
    rows = rows_of(3)
    with BlockWorker() as worker:
        with pytest.raises(StoreError, match="is not as it was written") as caught:
            worker.block([rows[1:]], {})
        assert not isinstance(caught.value, StoreUnavailable)
        assert worker.block([rows], {}) == checked_block([rows], {})


def test_a_log_is_sealed_with_it(found: Opened) -> None:
    with BlockWorker() as worker:
        assert Sealer(found.database, block=worker.block).seal(NOW, now=NOW).position == 12
    check(found.log)
    assert CODEC.recorded(found.log.read(0, 1)[0]).position == 1


def test_a_process_that_ended_is_told() -> None:
    with BlockWorker() as worker:
        worker.block([rows_of(1)], {})
        assert worker._process is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(StoreUnavailable, match="the process that makes blocks ended"):
            worker.block([rows_of(1)], {})


def test_one_that_is_closed_starts_no_other() -> None:
    worker = BlockWorker()
    worker.close()
    with pytest.raises(StoreUnavailable, match="told to stop"):
        worker.block([rows_of(1)], {})
