"""Who may come in: hosts, origins, tokens; and what stands on every answer."""

from contextlib import suppress
from typing import Any

import httpx
import pytest
import trio_websocket
from hypothesis import given, strategies as st

from web.auth import SALT_SIZE, SECRET_SIZE, TokenFileError, Tokens, load_tokens, new_token
from web.errors import ApiError
from web.gate import Gate
from web.options import WebOptions

OUTSIDE = WebOptions(host="0.0.0.0", tick_s=0.02)
TOKEN, LINE = new_token("an", bytes(SECRET_SIZE), bytes(SALT_SIZE))


@pytest.fixture
def tokens(tmp_path: Any) -> Tokens:
    path = tmp_path / "tokens"
    path.write_text(f"# people\n\n{LINE}\n")
    return load_tokens(path)


async def test_every_answer_has_the_headers_that_keep_pages_apart(http: httpx.AsyncClient) -> None:
    for path in ("/api/v1/meters", "/api/v1/nothing", "/", "/healthz"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "server" not in headers


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]:80", "10.1.2.3:8080", "LOCALHOST"]
)
async def test_addresses_and_our_own_names_are_good_hosts(
    http: httpx.AsyncClient, host: str
) -> None:
    assert (await http.get("/api/v1/meters", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "", "1"]
)
async def test_a_name_that_only_points_here_is_refused(
    site: Any, http: httpx.AsyncClient, host: str
) -> None:
    """Otherwise a page could rebind its own name to us and read everything."""
    for path in ("/api/v1/meters", "/"):
        response = await http.get(path, headers={"host": host})
        assert response.status_code == 421
        assert response.json()["error"]["code"] == "wrong-host"
    assert await site.handshake(f"Host: {host}") == 421


async def test_a_configured_name_is_a_good_host_and_origin(serve: Any) -> None:
    async with serve(WebOptions(hosts=("HES.example",))) as site, site.http() as http:
        headers = {"host": "hes.example", "origin": "https://hes.example"}
        answer = await http.post("/api/v1/meters/1/clock", headers=headers)
        assert answer.status_code == 200
        assert (await http.get("/", headers={"host": "other.example"})).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost.evil.example"},
        {"sec-fetch-site": "cross-site"},
    ],
    ids=str,
)
async def test_a_page_of_another_site_can_neither_post_nor_listen(
    site: Any, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await http.post("/api/v1/meters/1/clock", json={"set": True}, headers=headers)
    assert answer.status_code == 403
    assert site.node.commander.asked == []
    assert await site.handshake(*(f"{name}: {value}" for name, value in headers.items())) == 403


async def test_our_own_page_posts_and_listens(site: Any, http: httpx.AsyncClient) -> None:
    origin = f"http://{site.host}"
    answer = await http.post("/api/v1/meters/1/clock", headers={"origin": origin})
    assert answer.status_code == 200
    async with site.live("events", extra_headers=[(b"Origin", origin.encode())]) as listener:
        assert (await listener.hear())["snapshot"] == {"head": 0}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "hes.example"])
def test_a_node_that_others_can_reach_needs_tokens(host: str) -> None:
    with pytest.raises(ValueError, match="name a token_file"):
        Gate(WebOptions(host=host), None)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_a_loopback_address_needs_none(host: str) -> None:
    assert not Gate(WebOptions(host=host), None).asks_for_tokens


async def test_with_tokens_the_api_is_closed_and_the_pages_are_open(
    serve: Any, tokens: Tokens
) -> None:
    async with serve(OUTSIDE, tokens) as site, site.http() as http:
        for path in ("/api/v1/meters", "/api/v1/openapi.json", "/metrics", "/api/x"):
            answer = await http.get(path)
            assert answer.status_code == 401
            assert "Bearer" in answer.headers["www-authenticate"]
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/")).status_code == 503


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", f"Bearer {TOKEN}0", f"Basic {TOKEN}", "Bearer bo." + "0" * 48,
     "Bearer " + "x" * 5_000, TOKEN],
)  # fmt: skip
async def test_a_wrong_token_is_refused(serve: Any, tokens: Tokens, header: str) -> None:
    async with serve(OUTSIDE, tokens) as site, site.http() as http:
        answer = await http.get("/api/v1/meters", headers={"authorization": header})
        assert answer.status_code == 401


async def test_a_right_token_is_let_in_and_its_name_stands_in_commands(
    serve: Any, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = []
    check = tokens.name_of.__globals__["hash_secret"]
    monkeypatch.setattr("web.auth.hash_secret", lambda *of: checks.append(of) or check(*of))
    seen: list[str] = []
    tokens.on_first_use = seen.append
    async with serve(OUTSIDE, tokens) as site, site.http() as http:
        http.headers["authorization"] = f"bearer {TOKEN}"
        for _ in range(5):
            assert (await http.post("/api/v1/meters/1/clock")).status_code == 200
        assert {command.actor for command, _ in site.node.commander.asked} == {"an"}
    assert len(checks) == 1, "a token that was right is not hashed again"
    assert seen == ["an"], "its first use is told, and no other"


async def test_a_live_client_shows_its_token_in_a_header_or_in_a_message(
    serve: Any, tokens: Tokens
) -> None:
    async with serve(OUTSIDE, tokens) as site:
        header = [(b"Authorization", f"Bearer {TOKEN}".encode())]
        async with site.live("events", extra_headers=header) as listener:
            assert "snapshot" in await listener.hear()
        async with site.live() as listener:
            await listener.say({"subscribe": ["events"]})
            assert (await listener.hear())["error"]["code"] == "no-token"
            await listener.say({"token": "an.wrong"})
            assert (await listener.hear())["error"]["code"] == "no-token"
            await listener.say({"token": TOKEN, "subscribe": ["events"]})
            assert "snapshot" in await listener.hear()
        assert await site.handshake("Authorization: Bearer an.x") == 401


async def test_a_live_client_without_token_is_not_kept(
    serve: Any, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr("web.live_session.HANDSHAKE_S", 0.3)
    async with serve(OUTSIDE, tokens) as site, site.live() as listener:
        with pytest.raises(trio_websocket.ConnectionClosed) as end:
            await listener.hear()
        assert end.value.reason.code == 1008


async def test_many_wrong_tokens_at_once_are_sent_away(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.auth.CHECKS_WAITING_MAX", 0)
    with pytest.raises(ApiError) as refusal:
        await tokens.name_of("an.x")
    assert refusal.value.status == 429


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "admits nobody"),
        ("an 00", "line 1: not of the shape"),
        (f"{LINE}\n{LINE}", "line 2: an again"),
        (LINE.replace("an ", "a n "), "line 1"),
    ],
)
def test_a_wrong_token_file_says_where(tmp_path: Any, text: str, says: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(TokenFileError, match=says):
        load_tokens(path)


def test_a_missing_token_file_says_so(tmp_path: Any) -> None:
    with pytest.raises(TokenFileError, match="cannot be read: No such file or directory; make it"):
        load_tokens(tmp_path / "none")


def test_the_file_does_not_hold_the_secret() -> None:
    token, line = new_token("an", b"\x07" * SECRET_SIZE, bytes(SALT_SIZE))
    assert token.partition(".")[2] not in line
    with pytest.raises(ValueError, match="no name"):
        new_token("a b", bytes(SECRET_SIZE), bytes(SALT_SIZE))


@given(st.text(alphabet=st.sampled_from("[]:/.@%1ae\u00e9 "), max_size=20))
def test_no_host_makes_the_gate_stumble(host: str) -> None:
    gate = Gate(WebOptions(), None)
    for check in (gate.check_host, gate.check_origin):
        with suppress(ApiError):
            check({"host": "localhost" if check == gate.check_origin else host, "origin": host})
