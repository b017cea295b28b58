"""A node on Oracle with Data Guard, by a double, while modems push: nothing is lost, all goes on.

The double proves the driver's part: errors, failover, outcomes of commits. It is no Oracle.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from data_guard import DataGuard, Site, data_guard
from databases import DatabaseMissing
from node_process import NodeProcess
from pushing_modems import pushing

from hes.app.serve import DRAIN_S
from hes.commands import STORE_S
from hes.store.oracle_link import CONNECT_S
from hes.store.server import ANSWER_S
from projections.pool import REPORTS_MAX
from projections.sql import oracle as read_models

pytestmark = [pytest.mark.slow, pytest.mark.databases, pytest.mark.timeout(300)]
MODEMS = 20
WITHIN_S = 45.0
"""Pauses of the journal and of the read models, and a machine that is shared."""
HEALTH_S = 5.0


@pytest.fixture
def guard() -> Iterator[DataGuard]:
    try:
        with data_guard() as sites:
            yield sites
    except DatabaseMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def node(guard: DataGuard, tmp_path: Path) -> Iterator[NodeProcess]:
    node = NodeProcess(tmp_path, guard.url())
    node.add("[read_model]\n", f'report_url = "{guard.url("hes_ro")}"\n')
    try:
        node.start()
        yield node
    finally:
        node.kill()
        node.client.close()


async def health(node: NodeProcess) -> Any:
    """Return what the node says of itself, which takes no long time whatever is away."""
    started = time.monotonic()
    answer = await trio.to_thread.run_sync(node.client.get, "/healthz")
    assert time.monotonic() - started < HEALTH_S
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
    return answer


async def until_health(node: NodeProcess, status: int, within_s: float = WITHIN_S) -> str:
    """Wait until the node is well, or is not; return what is wrong."""
    with trio.fail_after(within_s):
        while True:
            answer = await health(node)
            if answer.status_code == status:
                return answer.json()["problem"] or ""
            await trio.sleep(0.1)


async def test_role_changes_in_the_middle(guard: DataGuard, node: NodeProcess) -> None:
    async with pushing(node, MODEMS):
        for _ in range(3):
            await trio.sleep(1.5)
            guard.switch_over()
            await until_stored_more(node)
        guard.first.tell(cmd="kill_at_commit")
        guard.switch_over()
        await until_stored_more(node)
    assert await trio.to_thread.run_sync(node.stop, DRAIN_S) == 0


async def test_kills_at_any_moment(guard: DataGuard, node: NodeProcess) -> None:
    async with pushing(node, MODEMS):
        for call in (1, 2, 3, 4, 5, 6, 7, 9, 11, 14):
            guard.first.tell(cmd="kill", call=call)
            await trio.sleep(0.5)
        for _ in range(5):
            guard.first.tell(cmd="kill_at_commit")
            await trio.sleep(0.5)
        await until_stored_more(node)


@pytest.mark.parametrize(
    ("code", "said"), [(1653, "add a data file"), (257, "make room where it archives")]
)
async def test_a_full_disk_pauses_and_alarms(
    guard: DataGuard, node: NodeProcess, code: int, said: str
) -> None:
    async with pushing(node, MODEMS) as modems:
        await trio.sleep(1.0)
        guard.first.tell(cmd="always", ora=code)
        assert said in await until_health(node, 503)
        facts = await trio.to_thread.run_sync(node.get, "/api/v1/system")
        assert said in facts["system"]["store"]["problem"]
        assert 'hes_store_away{store="log"} 1.0' in await metrics(node)
        before = sum(modem.acknowledged for modem in modems)
        await trio.sleep(3.0)
        assert sum(modem.acknowledged for modem in modems) == before, "told without being stored"
        guard.first.tell(cmd="accept")
        await until_health(node, 200)
        assert 'hes_store_away{store="log"} 0.0' in await metrics(node)


async def metrics(node: NodeProcess) -> str:
    """Return the numbers that alarms are made of."""
    answer = await trio.to_thread.run_sync(node.client.get, "/metrics")
    return str(answer.text)


async def test_refused_logons(guard: DataGuard, node: NodeProcess) -> None:
    async with pushing(node, MODEMS):
        await trio.sleep(1.0)
        for site in (guard.first, guard.second):
            site.tell(cmd="refuse", ora=12514)
            site.relay.cut()
        assert "does not know the service" in await until_health(node, 503)
        await trio.sleep(2.0)
        for site in (guard.first, guard.second):
            site.tell(cmd="accept")
        await until_health(node, 200)


async def test_a_network_that_swallows_everything(guard: DataGuard, node: NodeProcess) -> None:
    async with pushing(node, MODEMS):
        await trio.sleep(1.0)
        for site in (guard.first, guard.second):
            site.relay.silent = True
        assert "did not answer" in await until_health(node, 503)
        await trio.to_thread.run_sync(ask_for_much, node)
        for site in (guard.first, guard.second):
            site.relay.silent = False
        # Who was inside a call waits for its end, and then for one more to connect.
        await until_health(node, 200, within_s=2 * ANSWER_S + CONNECT_S)
        await until_level(node, read_models.ANSWER_S + CONNECT_S)


def ask_for_much(node: NodeProcess) -> None:
    """Ask for what needs the store: the answer does not wait for it."""
    for path, options in (
        ("/api/v1/devices", {"content": "meter_id,modem_id\none,M1\n"}),
        ("/api/v1/devices", {"content": "meter_id,modem_id\ntwo,M2\n"}),
        ("/api/v1/projections/latest/rebuild", {"json": {}}),
        ("/api/v1/alarms/1/acknowledge", {"json": {}}),
    ):
        began = time.monotonic()
        answer = node.client.post(path, **options)
        assert time.monotonic() - began < STORE_S + HEALTH_S
        assert answer.status_code in {202, 503}, answer.text


async def until_level(node: NodeProcess, within_s: float) -> None:
    """Wait until the read models are where the log is, or nearly, while devices push."""
    with trio.fail_after(within_s):
        while True:
            rows = await trio.to_thread.run_sync(node.get, "/api/v1/projections")
            if max(row["lag"] for row in rows["projections"]) < 10 * MODEMS:
                return
            await trio.sleep(0.2)


REPORTS = ("FROM reading WHERE", "FROM audit_entry WHERE")


def report(node: NodeProcess, meter: str) -> list[int]:
    """Ask for what may be long; return the status of each answer."""
    paths = (f"/api/v1/meters/{meter}/readings", "/api/v1/audit")
    with httpx.Client(base_url=node.url, timeout=2 * read_models.ANSWER_S) as client:
        return [client.get(path).status_code for path in paths]


def reports_at(site: Site) -> set[str]:
    """Return which reports a site was asked for since the last time."""
    return {what for sql in site.statements() for what in REPORTS if what in sql}


async def until_a_reading(node: NodeProcess, meter: str) -> None:
    def is_there() -> bool:
        return bool(node.get(f"/api/v1/meters/{meter}/readings", limit=1))

    await trio.to_thread.run_sync(node.until, is_there, WITHIN_S, "a reading of the meter")


async def test_reports_are_read_at_the_standby(guard: DataGuard, node: NodeProcess) -> None:
    async with pushing(node, MODEMS) as modems:
        meter = modems[0].serial
        await until_a_reading(node, meter)
        for site in (guard.first, guard.second):
            reports_at(site)
        assert await trio.to_thread.run_sync(report, node, meter) == [200, 200]
        assert (reports_at(guard.first), reports_at(guard.second)) == (set(), set(REPORTS))
        # And they go on while the primary is away.
        guard.first.tell(cmd="refuse", ora=12514)
        guard.first.relay.cut()
        await until_health(node, 503)
        assert await trio.to_thread.run_sync(report, node, meter) == [200, 200]
        guard.first.tell(cmd="accept")
        await until_stored_more(node)


async def test_reports_that_hang_hold_nobody_up(guard: DataGuard, node: NodeProcess) -> None:
    """Neither the devices nor the screens; and when the standby is gone, the primary makes them."""
    async with pushing(node, MODEMS) as modems:
        meter = modems[0].serial
        await until_a_reading(node, meter)
        guard.second.relay.silent = True
        answers: list[list[int]] = []

        async def ask() -> None:
            answers.append(await trio.to_thread.run_sync(report, node, meter))

        async with trio.open_nursery() as nursery:
            for _ in range(REPORTS_MAX):
                nursery.start_soon(ask)
            await trio.sleep(1.0)
            for _ in range(3):
                before = sum(modem.acknowledged for modem in modems)
                await until_stored_more(node)
                assert sum(modem.acknowledged for modem in modems) > before
                began = time.monotonic()
                await trio.to_thread.run_sync(node.get, "/api/v1/meters")
                assert time.monotonic() - began < HEALTH_S
            assert answers == []
            guard.second.tell(cmd="refuse", ora=12514)
            guard.second.relay.silent = False
            guard.second.relay.cut()
        assert answers == [[200, 200]] * REPORTS_MAX


async def until_stored_more(node: NodeProcess) -> None:
    """Wait until the node stores events again."""
    await until_health(node, 200)
    head = (await health(node)).json()["position"]
    with trio.fail_after(WITHIN_S):
        while True:
            answer = await health(node)
            if answer.status_code == 200 and answer.json()["position"] > head + MODEMS:
                return
            await trio.sleep(0.1)
