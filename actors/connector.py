"""Calls modems and meters that listen: one actor for each, always, or when somebody waits for it.

A connection that it made goes the same way as one that came in: to the hub, and to the modem's
actor. It never gives up: a modem that cannot be reached is called again after a pause that grows.
"""

import math
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import trio

from actors.actor import Actor
from actors.context import Context
from actors.errors import ActorError
from actors.handover import hand_over
from actors.hub import Accept, Connection
from actors.modem import ModemActor
from actors.modem_messages import DialFailed
from actors.supervisor import Backoff, ChildSpec, Restart
from hes.ids import ModemId
from hes.modems import DEMAND, Modem

GROUP: Final = "connectors"
CALM_S: Final = 60.0
"""A connection that held so long was a good one: the pauses begin anew."""
LOOK_EVERY_S: Final = 30.0
"""How often a connection is looked at that nobody reported as ended."""


class Wanted(msgspec.Struct, frozen=True):
    """Somebody waits for the modem."""


class Detached(msgspec.Struct, frozen=True):
    """A connection of the modem has ended."""


class Changed(msgspec.Struct, frozen=True):
    """The modem list has another entry for it now."""


async def connect_tcp(host: str, port: int) -> socket.socket:
    """Return a connected socket, in nobody's hands yet.

    Raises:
        OSError: nobody takes the call.

    """
    stream = await trio.open_tcp_stream(host, port)
    return socket.socket(fileno=stream.socket.detach())


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """How modems are called; one for the node."""

    adopt: Callable[[socket.socket, str, Accept], None]
    """Gives a connected socket to the hub."""
    accept: Callable[[Modem, Connection], None]
    """Takes a connection of a modem that says itself who it is."""
    limiter: trio.CapacityLimiter
    """Bounds the calls that are being set up."""
    connect: Callable[[str, int], Awaitable[socket.socket]] = connect_tcp
    timeout_s: float = 20.0
    idle_s: float = 60.0
    backoff: Backoff = Backoff(first_s=2.0, cap_s=300.0)


class Connector(Actor):
    """See the module."""

    def __init__(self, modem: ModemId, context: Context, calls: Calls) -> None:
        self._modem = modem
        self._context = context
        self._calls = calls
        self._entry: Modem | None = context.modems.entry(modem)
        self._connection: Connection | None = None
        self._failures = 0
        self._told = "not called yet"
        self._next_at = 0.0
        """Not called again before."""
        self._wanted = False
        """Whether somebody waits for the modem."""

    def detail(self) -> str:
        """Return whom it calls, and how that went."""
        entry = self._entry
        return "" if entry is None else f"{entry.dial}: {self._told}"

    async def run(self) -> None:
        """Call until told to stop; one that is not to be called any more is waited for."""
        while not self.ref.closing:
            entry = self._entry
            if entry is not None and self._connection is not None:
                await self._watch(entry, self._connection)
            elif entry is None or not entry.dial or (entry.hold == DEMAND and not self._wanted):
                await self._wait(math.inf)
                self._take_messages()
            elif self._next_at > trio.current_time():
                await self._pause()
            else:
                await self._call(entry)

    async def stopping(self) -> None:
        """Let the connection go with whoever made it."""
        if self._connection is not None:
            self._connection.close("the head-end calls this modem no more")

    # -- waiting

    def _take_messages(self) -> None:
        while (message := self.ref.take()) is not None:
            if isinstance(message, Changed):
                self._entry = self._context.modems.entry(self._modem)
                self._next_at = 0.0
            self._wanted = self._wanted or isinstance(message, Wanted)

    async def _wait(self, seconds: float) -> None:
        if not self.ref.waiting and not self.ref.closing:
            with trio.move_on_after(seconds):
                await self.ref.wait_message()

    async def _pause(self) -> None:
        """Wait for the next call; who wants the modem meanwhile is told that it is away."""
        left_s = self._next_at - trio.current_time()
        if self._wanted:
            self._tell_failed(f"{self._told}; it is called again in {left_s:.0f} s")
            return
        await self._wait(left_s)
        self._take_messages()

    # -- a connection

    async def _watch(self, entry: Modem, connection: Connection) -> None:
        """Look after a connection until it ends, or nobody needs it."""
        idle_s = self._calls.idle_s
        await self._wait(idle_s / 4 if entry.hold == DEMAND else LOOK_EVERY_S)
        self._take_messages()
        now = trio.current_time()
        if self._entry != entry:
            connection.close("its entry in the modem list has changed")
        elif entry.hold == DEMAND and not self._is_busy() and now - connection.last_heard > idle_s:
            connection.close("nobody needs it now; it is called when somebody does")
        else:
            self._wanted = self._wanted and connection.closed  # it is there for them
        if connection.closed:
            self._connection = None
            self._told = "not connected"
            early = now - connection.opened_at < CALM_S
            if early and entry.hold != DEMAND and self._entry == entry:
                self._failed("it closed the connection at once")

    def _is_busy(self) -> bool:
        """Whether a meter behind the modem is being asked, which may take it long to answer."""
        ref = self._context.known_modem(self._modem)
        return ref is not None and isinstance(ref.actor, ModemActor) and ref.actor.busy

    def _failed(self, why: str) -> None:
        self._failures += 1
        self._told = why
        pause_s = self._calls.backoff.delay_s(self._failures, self._context.rng)
        self._next_at = trio.current_time() + pause_s

    async def _call(self, entry: Modem) -> None:
        try:
            async with self._calls.limiter:
                with trio.fail_after(self._calls.timeout_s):
                    sock = await self._calls.connect(entry.host, entry.port)
        except (trio.TooSlowError, OSError) as failure:
            late = f"no answer within {self._calls.timeout_s:g} s"
            problem = _reason(failure) if isinstance(failure, OSError) else late
            self._failed(f"calling {entry.dial} failed: {problem}")
            self._tell_failed(self._told)
        else:
            self._take(entry, sock)

    def _take(self, entry: Modem, sock: socket.socket) -> None:
        """Give the connection to the hub and to the modem's actor."""
        self._failures, self._told, self._wanted = 0, "connected", False
        self._calls.adopt(sock, entry.dial, self._accepted)
        if self._connection is None:
            self._failed("the connection ended at once")

    def _accepted(self, connection: Connection) -> None:
        entry = self._entry
        self._connection = connection
        connection.idle_s_max = None  # TCP's keepalive tells when it is gone
        if entry is not None and entry.link not in {"", "raw"}:
            self._calls.accept(entry, connection)
        else:
            hand_over(self._context, connection, self._modem, "address")

    def _tell_failed(self, reason: str) -> None:
        self._wanted = False
        self._context.modem(self._modem).tell_always(DialFailed(reason))


def _reason(failure: OSError) -> str:
    """Return what a person reads for a call that failed; trio wraps one error for each address."""
    cause = failure.__cause__
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    told = cause if isinstance(cause, OSError) else failure
    return told.strerror or str(told)


# -- all of them


class Switchboard(Actor):
    """Starts a connector for each modem that is to be called, and passes on who wants one."""

    def __init__(self, context: Context, calls: Calls) -> None:
        self._context = context
        self._calls = calls
        context.dial = self.dial
        context.on_detached = self.detached
        context.on_modems = self.changed

    def detail(self) -> str:
        """Return how many modems are called."""
        count = sum(1 for modem in self._context.modems.modems() if modem.dial)
        return f"{count} modems to call"

    async def started(self) -> None:
        """Begin with all that are in the list."""
        for modem in list(self._context.modems.modems()):
            self._sync(modem.modem_id)
            await trio.lowlevel.checkpoint()

    async def receive(self, message: tuple[ModemId, ...]) -> None:
        """Take note that entries of the modem list have changed."""
        for modem in message:
            ref = self._context.child_of(GROUP, modem)
            if ref is not None:
                ref.tell_always(Changed())
            self._sync(modem)

    def _sync(self, modem: ModemId) -> None:
        entry = self._context.modems.entry(modem)
        if entry is None or not entry.dial or self._context.child_of(GROUP, modem) is not None:
            return
        context, calls = self._context, self._calls
        context.start_in(
            GROUP,
            ChildSpec(
                name=modem,
                start=lambda: Connector(modem, context, calls),
                restart=Restart.TRANSIENT,
            ),
        )

    def dial(self, modem: ModemId) -> bool:
        """See ``Context.dial``."""
        return self._tell(modem, Wanted())

    def changed(self, modems: tuple[ModemId, ...]) -> None:
        """See ``Context.on_modems``."""
        self.ref.tell_always(modems)

    def detached(self, modem: ModemId) -> None:
        """See ``Context.on_detached``."""
        self._tell(modem, Detached())

    def _tell(self, modem: ModemId, message: Wanted | Detached) -> bool:
        ref = self._context.child_of(GROUP, modem)
        if ref is None:
            return False
        try:
            ref.tell(message)
        except ActorError:
            return False
        return True
