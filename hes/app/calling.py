"""What a node needs to call modems that listen: the hub, the links they speak, the limits."""

import socket
from collections.abc import Callable

import trio

from actors.connector import GROUP, Calls, Switchboard
from actors.context import Context
from actors.errors import ActorStopped
from actors.hub import Accept, Connection, Hub
from actors.listener import Listener
from actors.mailbox import Ref
from actors.supervisor import Backoff, ChildSpec
from hes.app.links import link_settings
from hes.config import Config
from hes.modems import Modem

SHUTDOWN_S = 5.0


class Outgoing:
    """The calls of one node."""

    def __init__(self, config: Config, context: Context, hub: Callable[[], Ref | None]) -> None:
        wanted = config.connector
        self._config = config
        self._context = context
        self._hub = hub
        self._listeners: dict[str, Listener] = {}
        """By link: modems that say who they are, once they are connected."""
        self._calls = Calls(
            adopt=self._adopt,
            accept=self._accept,
            limiter=trio.CapacityLimiter(wanted.concurrency),
            timeout_s=wanted.timeout_s,
            idle_s=wanted.idle_s,
            backoff=Backoff(first_s=wanted.pause_s, cap_s=wanted.pause_s_max),
        )

    def specs(self) -> list[ChildSpec]:
        """Return the part of the tree that calls; it stops before the hub does."""
        context = self._context
        return [
            ChildSpec(name=GROUP, start=context.group(GROUP), shutdown_s=SHUTDOWN_S),
            ChildSpec(
                name="switchboard", start=lambda: Switchboard(context, self._calls), mailbox=10_000
            ),
        ]

    def pauses(self) -> None:
        """See ``Listener.pauses``."""
        for listener in self._listeners.values():
            listener.pauses()

    def _adopt(self, sock: socket.socket, peer: str, accept: Accept) -> None:
        ref = self._hub()
        if ref is None or not isinstance(ref.actor, Hub):
            sock.close()
            raise ActorStopped("hub")
        ref.actor.adopt(sock, peer, accept)

    def _accept(self, modem: Modem, connection: Connection) -> None:
        listener = self._listeners.get(modem.link)
        if listener is None:
            settings = link_settings(self._config, self._context, link=modem.link)
            listener = self._listeners[modem.link] = Listener("calls", settings, self._context)
        listener.accept(connection)
