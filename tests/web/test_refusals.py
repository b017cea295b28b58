"""Those who were not let in are in the audit log: bounded, the rest a number, without secrets."""

from contextlib import suppress
from typing import Any

import httpx
import pytest
import trio
import trio_websocket
from hypothesis import given, strategies as st
from trio.testing import MockClock

from hes.events.node import AccessRefused
from projections.audit import is_audited
from web.auth import SALT_SIZE, SECRET_SIZE, Tokens, load_tokens, new_token
from web.options import WebOptions
from web.refusals import NOBODY, PERIOD_S, SOURCES_MAX, Refusal, Refusals

OUTSIDE = WebOptions(host="0.0.0.0", tick_s=0.02)
TOKEN, LINE = new_token("an", bytes(SECRET_SIZE), bytes(SALT_SIZE))
REFUSAL = Refusal("an", "10.0.0.9", "GET /api/v1/meters", 401, "this token is not known here")


@pytest.fixture
def tokens(tmp_path: Any) -> Tokens:
    path = tmp_path / "tokens"
    path.write_text(f"{LINE}\n")
    return load_tokens(path)


def heard(refusals: Refusals) -> list[Refusal]:
    told: list[Refusal] = []
    refusals.on_refused = told.append
    return told


# -- which are told


async def test_the_same_source_is_told_once_in_a_while(autojump_clock: MockClock) -> None:
    refusals = Refusals()
    told = heard(refusals)
    for _ in range(500):
        refusals.note(REFUSAL)
    assert told == [REFUSAL]
    await trio.sleep(PERIOD_S + 1)
    refusals.note(REFUSAL)
    assert told[1:] == [REFUSAL._replace(untold=499)]
    assert refusals.total == 501


async def test_many_sources_are_a_number(autojump_clock: MockClock) -> None:
    refusals = Refusals()
    told = heard(refusals)
    for number in range(1000):
        refusals.note(REFUSAL._replace(peer=f"10.0.{number // 250}.{number % 250}"))
    assert len(told) == SOURCES_MAX
    async with trio.open_nursery() as nursery:
        nursery.start_soon(refusals.run)
        await trio.sleep(PERIOD_S * 3 + 1)
        nursery.cancel_scope.cancel()
    assert len(told) == SOURCES_MAX + 1, "those that were only counted are told once, in the end"
    assert told[-1].untold + len(told) == 1000


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0, 30)), max_size=200))
def test_none_gets_lost_and_they_are_never_too_many(said: list[tuple[int, float]]) -> None:
    refusals = Refusals()
    told = heard(refusals)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refusals.run)
            for peer, pause_s in said:
                refusals.note(REFUSAL._replace(peer=str(peer)))
                await trio.sleep(pause_s)
            await trio.sleep(PERIOD_S + 1)
            lasted_s = trio.current_time()
            nursery.cancel_scope.cancel()
        assert len(told) <= (SOURCES_MAX + 1) * (lasted_s // PERIOD_S + 2)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert sum(1 + each.untold for each in told) == len(said)


# -- who is refused


async def test_a_wrong_token_is_told_with_its_name_and_without_its_secret(
    serve: Any, tokens: Tokens
) -> None:
    async with serve(OUTSIDE, tokens) as site, site.http() as http:
        told = heard(site.server.refusals)
        answer = await http.get("/api/v1/meters", headers={"authorization": "Bearer an.s3cret"})
        assert answer.status_code == 401
        (refusal,) = told
        assert refusal[:4] == ("an", "127.0.0.1", "GET /api/v1/meters", 401)
        assert "s3cret" not in repr(told)


@pytest.mark.parametrize("shown", ["s3cret", "s3cret.an", "bo.s3cret", "." * 50])
async def test_what_is_no_name_of_ours_is_not_repeated(
    serve: Any, tokens: Tokens, shown: str
) -> None:
    async with serve(OUTSIDE, tokens) as site, site.http() as http:
        told = heard(site.server.refusals)
        await http.get("/metrics", headers={"authorization": f"Bearer {shown}"})
        assert [each.actor for each in told] == [NOBODY]
        assert "s3cret" not in repr(told)


async def test_who_has_no_token_yet_makes_no_attempt(serve: Any, tokens: Tokens) -> None:
    async with serve(OUTSIDE, tokens) as site, site.http() as http:
        told = heard(site.server.refusals)
        assert (await http.get("/api/v1/meters")).status_code == 401
        await http.get("/api/v1/meters", headers={"authorization": f"Bearer {TOKEN}"})
        assert told == []


async def test_live_clients_are_told_too(serve: Any, tokens: Tokens) -> None:
    async with serve(OUTSIDE, tokens) as site:
        told = heard(site.server.refusals)
        assert await site.handshake("Authorization: Bearer an.x") == 401
        async with site.live() as listener:
            await listener.say({"token": "bo.wrong"})
            assert (await listener.hear())["error"]["code"] == "no-token"
            with suppress(trio_websocket.ConnectionClosed):
                await listener.say({"token": TOKEN})
        assert [(each.actor, each.what) for each in told] == [
            ("an", "GET /live"), (NOBODY, "GET /live"),
        ]  # fmt: skip


async def test_a_page_of_another_site_is_told(site: Any, http: httpx.AsyncClient) -> None:
    told = heard(site.server.refusals)
    answer = await http.post("/api/v1/meters/1/clock", headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    (refusal,) = told
    assert refusal[:4] == (NOBODY, "127.0.0.1", "POST /api/v1/meters/1/clock", 403)
    assert "evil.example" in refusal.reason
    metrics = (await http.get("/metrics")).text
    assert "hes_web_refused_total 1.0" in metrics


def test_it_stands_in_the_audit_log() -> None:
    assert is_audited(AccessRefused)
