"""One port: which bytes go where, and what strangers may send without hurting anybody."""

import random
from typing import Any

import pytest
import trio

from web.options import WebOptions
from web.server import bind

KEY = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADE = f"Connection: Upgrade\r\nUpgrade: websocket\r\n{KEY}"


async def talk(site: Any, said: bytes, *, pause_s: float = 0.0, hang_up: bool = True) -> bytes:
    """Say something, a byte at a time if there is a pause, and return everything that comes."""
    got = b""
    async with await site.raw() as stream:
        pieces = [bytes([each]) for each in said] if pause_s else [said]
        try:
            for piece in pieces:
                await stream.send_all(piece)
                await trio.sleep(pause_s)
            if hang_up:
                await stream.send_eof()
            with trio.fail_after(5):
                while data := await stream.receive_some():
                    got += data
        except trio.BrokenResourceError:
            pass  # It hung up on us, as it may.
    return got


async def test_a_port_in_use_is_said_when_binding() -> None:
    [listener] = await bind("127.0.0.1", 0)
    port = listener.socket.getsockname()[1]
    with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}: another program listens there"):
        await bind("127.0.0.1", port)
    await listener.aclose()


async def test_an_address_of_another_machine_is_said_when_binding() -> None:
    with pytest.raises(OSError, match=r"the web cannot listen on 192\.0\.2\.1:0: "):
        await bind("192.0.2.1", 0)


async def test_a_head_that_comes_byte_by_byte_is_understood(site: Any) -> None:
    said = f"GET /healthz HTTP/1.1\r\nHost: {site.host}\r\nConnection: close\r\n\r\n"
    assert b'"status":"ok"' in await talk(site, said.encode(), pause_s=0.0005)
    live = f"GET /live?x=1 HTTP/1.1\r\nHost: {site.host}\r\n{UPGRADE}\r\n"
    assert b" 101 " in await talk(site, live.encode(), pause_s=0.0005)


async def test_one_connection_carries_many_requests(site: Any) -> None:
    said = f"GET /healthz HTTP/1.1\r\nHost: {site.host}\r\n\r\n" * 5
    assert (await talk(site, said.encode())).count(b'"status":"ok"') == 5


async def test_live_without_an_upgrade_is_a_page_like_any_other(site: Any) -> None:
    said = f"GET /live HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode()
    assert b"The dashboard is not built" in await talk(site, said)


@pytest.mark.parametrize("path", ["/lives", "/live/x", "/", "/api/v1/meters"])
async def test_a_websocket_elsewhere_is_answered_as_plain_http(site: Any, path: str) -> None:
    said = f"GET {path} HTTP/1.1\r\nHost: {site.host}\r\n{UPGRADE}\r\n".encode()
    status = int((await talk(site, said)).split(b" ")[1])
    assert status == (200 if path.startswith("/api") else 503)


async def test_the_feed_is_not_on_a_connection_that_served_http_before(site: Any) -> None:
    host = f"Host: {site.host}\r\n"
    said = f"GET /healthz HTTP/1.1\r\n{host}\r\nGET /live HTTP/1.1\r\n{host}{UPGRADE}\r\n"
    got = await talk(site, said.encode())
    assert got.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 503" in got
    assert b"HTTP/1.1 101" not in got


async def test_an_upgrade_to_http_2_is_ignored(site: Any) -> None:
    said = (
        f"GET /healthz HTTP/1.1\r\nHost: {site.host}\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    )
    assert (await talk(site, said.encode())).startswith(b"HTTP/1.1 200")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    assert not (await talk(site, preface)).startswith(b"\x00")


async def test_a_silent_connection_is_closed(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.server.HEAD_S", 0.1)
    for said in (b"", b"GET / HT"):
        began = trio.current_time()
        assert await talk(site, said, hang_up=False) == b""
        assert trio.current_time() - began < 2


async def test_a_head_without_end_is_refused(site: Any) -> None:
    said = b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000
    got = await talk(site, said, hang_up=False)
    assert b" 431 " in got or got == b""
    live = b"GET /live HTTP/1.1\r\nUpgrade: websocket\r\nX: " + b"x" * 100_000
    got = await talk(site, live, hang_up=False)
    assert b" 431 " in got or got == b""


async def test_connections_beyond_the_limit_are_closed_and_room_is_made_again(
    serve: Any, until: Any
) -> None:
    async with serve(WebOptions(connections_max=2)) as site:
        streams = [await site.raw() for _ in range(3)]
        with trio.fail_after(5):
            assert await streams[2].receive_some() == b""
        for stream in streams:
            await stream.aclose()
        await until(lambda: not site.server._streams)
        assert b'"ok"' in await talk(
            site, f"GET /healthz HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode()
        )


FRAGMENTS = [
    b"GET ", b"POST ", b"/live", b"/api/v1/meters", b"/%ff%00", b" HTTP/1.1\r\n", b" HTTP/9.9\r\n",
    b"Host: 127.0.0.1\r\n", b"Host: [\r\n", b"Origin: http://[\r\n", b"Upgrade: websocket\r\n",
    b"Upgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: Upgrade\r\n", b"Connection: Upgrade\r\n",
    KEY.encode(), b"Content-Length: 5\r\n", b"Content-Length: -5\r\n", b"Content-Length: x\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"\r\n", b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00", b"\x81\xfe\xff\xff", b"\x88\x80\x00\x00\x00\x00", b"\x89\x80abcd",
    b"\x81\x85\x00\x00\x00\x00\xff\xfe\xfd\xfc\xfb", b"ffffffffffffffffffff\r\n", b"\x00" * 40,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b" folded\r\n", b"\xc3\x28: x\r\n",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_strangers_send_the_server_goes_on(
    site: Any, until: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of HTTP, websocket and TLS in any order; a crash would end the test's nursery."""
    monkeypatch.setattr("web.server.HEAD_S", 0.5)
    monkeypatch.setattr("web.live_session.HANDSHAKE_S", 0.5)
    rng = random.Random(seed)
    for _ in range(60):
        said = b"".join(rng.choices(FRAGMENTS, k=rng.randint(1, 12)))
        if rng.random() < 0.5:
            request = rng.choice([b"/live", b"/healthz", b"/api/v1/meters/1/read"])
            head = b"GET " + request + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n" + UPGRADE.encode()
            said = head + b"\r\n" * rng.randint(0, 1) + said
        await talk(site, said)
    await until(lambda: not site.server._streams)
    said = f"GET /healthz HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode()
    assert b'"ok"' in await talk(site, said)
