"""The node for those who keep it running, what was put aside, firmware of modems, orders live."""

from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from hes.events.audit import Anchored
from hes.events.base import DomainEvent, Recorded
from hes.events.command import CommandFinished, CommandRequested
from hes.events.commit import Commit, Part
from hes.events.firmware import FirmwareOffered, FirmwareProgressed
from hes.events.meter_control import RelaySwitched
from hes.store.errors import StoreUnavailable
from web import shapes
from web.api.modem_firmware import ModemFirmwareState
from web.api.poison import Poison
from web.api.system import SystemPage


def decoded(response: httpx.Response, shape: Any) -> Any:
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=shape)


def anchored(at: datetime) -> Anchored:
    names = Anchored.__struct_fields__
    known: dict[str, Any] = {
        "received_at": at, "first": 1, "last": 40, "previous": bytes(32), "digest": bytes([7] * 32),
    }  # fmt: skip
    return Anchored(**known | ({"root": bytes(32)} if "root" in names else {}))


async def test_the_node_says_how_it_is(site: Any, http: httpx.AsyncClient) -> None:
    at = site.node.clock.now()
    site.node.append("audit:anchors", anchored(at))
    page = decoded(await http.get("/api/v1/system"), SystemPage)
    assert page.system == site.node.system()
    assert (page.position, page.problem) == (1, None)
    assert page.anchor is not None
    assert (page.anchor.last, page.anchor.digest, page.anchor.at) == (40, "07" * 32, at)
    assert [row.name for row in page.projections] == ["latest"]
    assert page.web.live == 0
    async with site.live("alarms") as listener:
        await listener.hear()
        assert decoded(await http.get("/api/v1/system"), SystemPage).web.live == 1


async def test_it_says_how_far_the_log_is_sealed(http: httpx.AsyncClient) -> None:
    told = (await http.get("/api/v1/system")).json()["system"]["sealing"]
    assert (told["after_days"], told["position"], told["is_running"]) == (7, 5, False)
    assert (told["events"], told["octets"], told["lasted_s"], told["problem"]) == (4, 90, 1.5, None)
    shown = (await http.get("/metrics")).text
    for line in (
        "hes_log_sealed_position 5.0", "hes_log_sealing 0.0", "hes_log_sealing_failed 0.0",
        "hes_log_sealing_last_seconds 1.5", "hes_log_sealed_events_total 5.0",
        "hes_log_sealed_octets_total 99.0",
    ):  # fmt: skip
        assert f"\n{line}\n" in shown


async def test_a_log_without_anchors_has_none(http: httpx.AsyncClient) -> None:
    assert decoded(await http.get("/api/v1/system"), SystemPage).anchor is None


async def test_it_says_so_too_while_the_log_is_away(
    site: Any, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> int:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(site.node.event_log, "check", away)
    page = decoded(await http.get("/api/v1/system"), SystemPage)
    assert (page.position, page.anchor, page.problem) == (None, None, "the disk is full")
    assert page.system.queue.waiting == 3


async def test_what_a_read_model_put_aside_is_shown(site: Any, http: httpx.AsyncClient) -> None:
    page = decoded(await http.get("/api/v1/projections/latest/poison?limit=5"), Poison)
    assert [(row.position, row.reason) for row in page.poison] == [(5, "no unit")]
    assert site.node.read_model.asked == [("poison", {"projection": "latest", "limit": 5})]


async def test_the_audit_log_is_asked_for_a_kind_and_a_time(
    site: Any, http: httpx.AsyncClient
) -> None:
    span = "from=2026-05-01T00:00:00%2B07:00&to=2026-05-02T00:00:00Z"
    response = await http.get(f"/api/v1/audit?kind=CommandFinished&{span}")
    decoded(response, shapes.AuditLog)
    [(_, asked)] = site.node.read_model.asked
    start, end = asked["between"]
    assert (start.isoformat(), end.isoformat()) == (
        "2026-05-01T00:00:00+07:00", "2026-05-02T00:00:00+00:00",
    )  # fmt: skip
    assert asked["kind"] == "CommandFinished"
    late = await http.get("/api/v1/audit?from=2026-05-03T00:00:00Z&to=2026-05-02T00:00:00Z")
    assert late.status_code == 400


async def test_firmware_of_a_modem_is_followed(site: Any, http: httpx.AsyncClient) -> None:
    at = site.node.clock.now()
    path = "/api/v1/modems/861/firmware"
    assert decoded(await http.get(path), ModemFirmwareState).last is None
    offered = FirmwareOffered(
        received_at=at, image="2.0", size_bytes=100, sha256=bytes(32), actor="ann", reason="fix"
    )
    half = FirmwareProgressed(
        received_at=at, image="2.0", step="downloading", done_bytes=50, size_bytes=100
    )
    site.node.append("modem:861", offered, half)
    site.node.append("meter:861", offered)
    last = decoded(await http.get(path), ModemFirmwareState).last
    assert last is not None
    assert (last.state, last.done_bytes, last.reason) == ("downloading", 50, "fix")


async def test_steps_of_an_order_are_told_to_the_page_of_the_meter(site: Any) -> None:
    at = site.node.clock.now()
    who: dict[str, Any] = {"received_at": at, "actor": "ann"}
    steps: list[DomainEvent] = [
        CommandRequested(command="relay-disconnect", argument="", reason="unpaid", **who),
        RelaySwitched(
            obis="0.0.96.3.10.255", closed=False, state="disconnected", state_before="connected",
            reason="unpaid", **who,
        ),
        CommandFinished(command="relay-disconnect", ok=True, detail="", lasted_s=0.4, **who),
    ]  # fmt: skip
    told = [Recorded(n, "meter:1", n, event) for n, event in enumerate(steps, 1)]
    async with site.live("meter:1") as listener:
        await listener.hear()
        parts = [Part(each.position, each.stream, each.version, [each.event]) for each in told]
        site.server.news.on_events(Commit(parts))
        site.server.news.on_commit([], 3)
        items = (await listener.hear())["delta"]
    assert [item["kind"] for item in items] == ["order"] * 3
    assert [item["data"]["type"].split("/")[0] for item in items] == [
        "CommandRequested", "RelaySwitched", "CommandFinished",
    ]  # fmt: skip
    assert items[1]["data"]["data"]["reason"] == "unpaid"
