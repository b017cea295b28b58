"""A conversation with one meter: its sessions, begun anew when they break off."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from protocols.dialogue import Dialogue
from protocols.errors import MeterSilent, RemoteProtocolError
from protocols.iec62056_21.datasets import DataSet
from protocols.iec62056_21.options import Iec62056Options, Iec62056Timers
from protocols.iec62056_21.session import MeterAbsent, Refusal, Session
from protocols.iec62056_21.stamps import StampRules
from protocols.iec62056_21.states import State

T = TypeVar("T")


class Iec62056Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk to one meter."""

    address: str = ""
    """Empty: there is but one meter on the line."""
    password: str = ""
    utc_offset_min: int = 0
    """The meter's clock runs on this local time."""
    options: Iec62056Options = Iec62056Options()
    timers: Iec62056Timers = Iec62056Timers()


class Conversation:
    """Keeps what a meter was seen to understand, and whether a session with it broke off."""

    def __init__(self, settings: Iec62056Settings) -> None:
        self.options = settings.options
        self.rules = StampRules(settings.utc_offset_min, settings.options.summer_min)
        self.session = Session(
            settings.address, settings.password, settings.options, settings.timers
        )
        self.register_commands = list(settings.options.read_commands)
        """One, when it is known which of them the meter understands."""
        self.table_forms = [
            (command, season)
            for season in settings.options.range_seasons
            for command in settings.options.table_commands
        ]
        """Command and season digit; one, when it is known which of them the meter understands."""
        self._restarts = settings.timers.restarts

    def repeated(self, work: Callable[[], Dialogue[T]]) -> Dialogue[T]:
        """Run ``work``, and again when a session breaks off. It goes on where it was; only reads.

        Raises:
            MeterSilent: for good.
            RemoteProtocolError: damaged answers, or breaks, in every session.

        """
        for left in range(self._restarts, -1, -1):
            try:
                with self.session.doubting():
                    return (yield from work())
            except MeterAbsent:
                raise  # one that does not even say who it is, is not called again and again
            except (MeterSilent, RemoteProtocolError):
                if not left:
                    raise
        raise AssertionError  # pragma: no cover -- the last round returns or raises

    def programming(self) -> Dialogue[None]:
        """Be in programming mode, with the password sent if this meter type wants it always."""
        if not self.session.takes_commands:
            yield from self.session.program()
        if self.options.login == "always":
            yield from self.session.unlock()

    def ask(
        self, command: str, code: str, argument: str = "", *, sure: bool
    ) -> Dialogue[str | Refusal]:
        """Read by a command; ``sure``: the meter is known to understand this form of it.

        Some meters do not refuse what they do not understand, but say nothing.
        """
        yield from self.programming()
        try:
            answer = yield from self.session.read(command, code, argument, tries=2 if sure else 1)
        except MeterSilent as silence:
            if sure:
                raise
            self.session.fail()
            return Refusal(str(silence), silent=True)
        return answer

    def readout(self) -> Dialogue[list[DataSet]]:
        """Read everything that the meter shows, in a session of its own."""
        yield from self.close()
        return (yield from self.repeated(self.session.readout))

    def close(self) -> Dialogue[None]:
        """End the session, if there is one."""
        if self.session.takes_commands or self.session.state is not State.CLOSED:
            with self.session.doubting():
                yield from self.session.break_off()
