"""An actor around something that just runs: it lives, crashes and is restarted like the others."""

from collections.abc import Awaitable, Callable

import trio

from actors.actor import Actor


class Service(Actor):
    """Runs ``body`` until it is told to stop."""

    def __init__(self, body: Callable[[], Awaitable[object]], detail: Callable[[], str]) -> None:
        self._body = body
        self._detail = detail

    def detail(self) -> str:
        """Return what the body says of itself."""
        return self._detail()

    async def run(self) -> None:
        """Run the body; it has no messages, so the only one to wait for is the end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._body)
            while not self.ref.closing:
                await self.ref.wait_message()
            nursery.cancel_scope.cancel()
