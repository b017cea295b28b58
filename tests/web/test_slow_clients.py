"""Clients that stop reading: they cost bounded memory, hurt nobody, and hold up nothing."""

import socket
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from web.live_topic import PENDING_MAX, Topic
from web.options import WebOptions
from web.stream import FeedStream

UPGRADE = (
    b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
BLOCK = {"text": "x" * 20_000}


class Slow:
    """A websocket client with a small buffer that reads when it is told to."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._got = b""

    async def take(self, size: int) -> bytes:
        while len(self._got) < size:
            data = await self.stream.receive_some()
            if not data:
                raise EOFError
            self._got += data
        taken, self._got = self._got[:size], self._got[size:]
        return taken

    async def take_frame(self) -> bytes:
        """Return the payload of the next frame."""
        size = (await self.take(2))[1]
        if size == 126:
            size = int.from_bytes(await self.take(2))
        elif size == 127:
            size = int.from_bytes(await self.take(8))
        return await self.take(size)


async def connect(site: Any, topic: str) -> Slow:
    sock = trio.socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    await sock.connect(("127.0.0.1", site.port))
    slow = Slow(trio.SocketStream(sock))
    await slow.stream.send_all(UPGRADE)
    head = b""
    while b"\r\n\r\n" not in head:
        head += await slow.take(1)
    payload = f'{{"subscribe":["{topic}"]}}'.encode()
    await slow.stream.send_all(bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
    return slow


async def flood(site: Any, until: Any, topic: str = "meters") -> None:
    """Tell more than the kernel's buffers hold, until somebody is behind."""
    feed = site.server.web.feed
    await until(lambda: any(t.live for t in feed._topics.values()))
    with trio.fail_after(20):
        while not any(client.behind for client in feed._clients):
            feed.publish(topic, BLOCK)
            await trio.sleep(0.002)


async def test_a_slow_client_is_left_out_and_then_begins_anew_while_others_see_every_number(
    serve: Any, until: Any
) -> None:
    options = WebOptions(tick_s=0.005, slack=65_536)
    async with serve(options) as site, site.live("meters") as quick:
        feed = site.server.web.feed
        slow = await connect(site, "meters")
        assert b'"snapshot"' in await slow.take_frame()
        seqs = [(await quick.hear())["seq"]]

        async def read_quickly() -> None:
            while True:
                seqs.append((await quick.hear())["seq"])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_quickly)
            await flood(site, until)
            [client] = [each for each in feed._clients if each.behind]
            for _ in range(50):
                feed.publish("meters", BLOCK)
                await trio.sleep(0.002)
            assert client.stream.waiting <= options.slack
            told = [b""]
            with trio.fail_after(20):
                while b'"snapshot"' not in told[-1]:
                    told.append((await slow.take_frame())[:60])
            await until(lambda: feed.statistics().resyncs == 1)
            feed.publish("meters", BLOCK)
            after = await slow.take_frame()
            await until(lambda: feed.statistics().encoded == seqs[-1])
            nursery.cancel_scope.cancel()
        await slow.stream.aclose()
    assert seqs == list(range(len(seqs)))
    begun = int(told[-1].split(b'"seq":')[1].split(b",")[0])
    missed = int(told[-2].split(b'"seq":')[1].split(b",")[0])
    assert begun > missed + 1, "frames in between were not sent"
    assert f'"seq":{begun + 1},'.encode() in after[:60]


async def test_a_client_that_takes_nothing_is_closed(serve: Any, until: Any) -> None:
    async with serve(WebOptions(tick_s=0.005, stall_s=0.3)) as site:
        slow = await connect(site, "meters")
        await slow.take_frame()
        await flood(site, until)
        await until(lambda: site.server.web.feed.statistics().stalled == 1)
        await until(lambda: not site.server._streams)
        assert site.server.web.feed.statistics().clients == 0
        await slow.stream.aclose()


async def test_a_snapshot_larger_than_the_slack_arrives_whole(serve: Any, node: Any) -> None:
    node.read_model.detail = "y" * 3_000_000
    async with serve(WebOptions(tick_s=0.005)) as site:
        slow = await connect(site, "meter:1")
        with trio.fail_after(20):
            assert len(await slow.take_frame()) > 3_000_000
        await slow.stream.aclose()


async def test_stopping_says_goodbye_and_is_prompt(serve: Any) -> None:
    async with serve() as site, site.live("events") as listener, site.http() as http:
        await listener.hear()
        await http.get("/healthz")
        began = trio.current_time()
        site.scope.cancel()
        await site.stopped.wait()
        assert trio.current_time() - began < 1
        assert listener.socket.closed.code == 1001


@pytest.mark.parametrize("stalled", ["live", "http", "silent", "half a head", "half a body"])
async def test_stopping_does_not_wait_for_those_who_stall(
    serve: Any, node: Any, until: Any, stalled: str
) -> None:
    """hypercorn shields its sends: without a closed socket this would take for ever."""
    node.read_model.detail = "y" * 20_000_000
    async with serve(WebOptions(tick_s=0.005, grace_s=0.3)) as site:
        if stalled == "live":
            slow = await connect(site, "meter:1")
            await until(
                lambda: any(client.stream.waiting for client in site.server.web.feed._clients)
            )
            stream = slow.stream
        else:
            stream = await site.raw()
            head = f"GET /api/v1/meters/1 HTTP/1.1\r\nHost: {site.host}\r\n"
            said = {
                "http": head + "\r\n",
                "silent": "",
                "half a head": head,
                "half a body": head.replace("GET", "POST").replace("1 HTTP", "1/read HTTP")
                + "Content-Length: 5\r\n\r\n",
            }[stalled]
            await stream.send_all(said.encode())
            await trio.sleep(0.3)
            assert site.server._streams
        began = trio.current_time()
        site.scope.cancel()
        await site.stopped.wait()
        assert trio.current_time() - began < 2
        await stream.aclose()


async def test_a_request_under_way_is_finished_before_the_stop(
    serve: Any, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = trio.Event()
    execute = node.commander.execute

    async def slowly(command: Any, *, timeout_s: float) -> Any:
        started.set()
        await trio.sleep(0.3)
        return await execute(command, timeout_s=timeout_s)

    monkeypatch.setattr(node.commander, "execute", slowly)
    async with serve(WebOptions(grace_s=3)) as site, site.http() as http:
        statuses: list[int] = []

        async def ask() -> None:
            statuses.append((await http.post("/api/v1/meters/1/read")).status_code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await started.wait()
            site.scope.cancel()
            await site.stopped.wait()
    assert statuses == [200]


def test_too_many_changes_in_a_tick_make_everybody_begin_anew() -> None:
    topic, client = Topic("meters", skips=False), Slow.__new__(Slow)
    topic.live[client] = None  # type: ignore[index]
    topic.making = True
    for n in range(PENDING_MAX + 1):
        topic.take(n, None)
    assert (list(topic.live), list(topic.joining)) == ([], [client])
    assert (topic.pending, topic.generation) == ({}, 1)


async def test_frames_stay_whole_between_two_writers(until: Any) -> None:
    """The library's bytes go behind the feed's waiting ones, and never into the middle."""
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    reader = await trio.open_tcp_stream(*listener.socket.getsockname())
    stream = FeedStream(await listener.accept(), stall_s=5)
    sent = b""
    while stream.send_nowait(b"a" * 100_000, 300_000):
        sent += b"a" * 100_000
    assert 0 < stream.waiting <= 300_000
    got = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, b"b" * 200_000)
        await wait_all_tasks_blocked()
        assert stream.send_nowait(b"c" * 10, 300_000)
        while len(got) < len(sent) + 200_000:
            got += await reader.receive_some()
    assert stream.flush()
    got += await reader.receive_some()
    assert got == sent + b"b" * 200_000 + b"c" * 10
    for each in (reader, stream, listener):
        await each.aclose()


async def test_writing_to_who_has_gone_says_so() -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    reader = await trio.open_tcp_stream(*listener.socket.getsockname())
    stream = FeedStream(await listener.accept(), stall_s=0.1)
    with pytest.raises(trio.BrokenResourceError, match="took nothing"):
        await stream.send_all(bytes(20_000_000))
    with pytest.raises(trio.BrokenResourceError, match="gone"):
        stream.send_nowait(b"x", 0)
    await reader.aclose()
    await listener.aclose()
