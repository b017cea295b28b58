"""A conversation with one meter: its sessions, begun anew when they break off."""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from protocols.dialogue import Dialogue
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError, SessionRefused
from protocols.iec62056_21.datasets import DataSet
from protocols.iec62056_21.options import Iec62056Options, Iec62056Timers
from protocols.iec62056_21.session import (
    MeterAbsent,
    NoProgramming,
    Refusal,
    Session,
    SessionEnded,
)
from protocols.iec62056_21.stamps import StampRules
from protocols.iec62056_21.states import State

T = TypeVar("T")
LOGINS_MAX: Final = 3
"""Sessions in which the password is tried after a refused read, while none was ever answered."""


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
        self._login_reads = False
        """Whether reads were seen to want the password."""
        self._logins_left = LOGINS_MAX if settings.password else 0
        """How often it may yet be tried whether reads want it."""
        self._login_next = False
        """Whether the next session tries it: the meter said nothing to a read."""
        self._noes = 0
        """Reads that were answered by a NAK or the end of the session, while none was by data."""
        self._restarts = settings.timers.restarts
        self._programmed = False
        """Whether the meter was ever seen in programming mode."""
        self._given_up = False
        """It did not enter it in this conversation: it is not asked to again."""
        self._given_up_before = False
        """Nor did it in one before: one try is enough."""

    def begin(self) -> None:
        """Take note that another conversation begins."""
        self._given_up_before = self._given_up_before or self._given_up
        self._given_up = False

    def repeated(self, work: Callable[[], Dialogue[T]]) -> Dialogue[T]:
        """Run ``work``, and again when a session breaks off. It goes on where it was; only reads.

        Raises:
            MeterSilent: for good.
            MeterRefused: it ends every session, or enters no programming mode.
            RemoteProtocolError: damaged answers in every session.

        """
        for left in range(self._restarts, -1, -1):
            try:
                with self.session.doubting():
                    return (yield from work())
            except MeterAbsent:
                raise  # one that does not even say who it is, is not called again and again
            except (MeterSilent, RemoteProtocolError) as problem:
                self._judge(problem, last=not left)
        raise AssertionError  # pragma: no cover -- the last round returns or raises

    def _judge(self, problem: MeterSilent | RemoteProtocolError, *, last: bool) -> None:
        """Raise ``problem``, or the refusal that it is; or return, to begin anew."""
        if isinstance(problem, NoProgramming) and not self._programmed:
            if not last and not self._given_up_before:
                return
            self._given_up = True
            raise SessionRefused(str(problem)) from None
        if last and isinstance(problem, SessionEnded):
            raise MeterRefused(str(problem)) from None
        if last:
            raise problem

    def programming(self) -> Dialogue[None]:
        """Be in programming mode, with the password sent if this meter wants it for reads too."""
        if not self.session.takes_commands:
            if self._given_up:
                raise SessionRefused("the meter enters no programming mode")
            yield from self.session.program()
            self._programmed = True
        if self._login_reads or self.options.login == "always":
            yield from self.session.unlock()
        elif self._login_next:
            self._login_next = False
            if not (yield from self._password_taken()):
                yield from self.session.program()

    def ask(
        self, command: str, code: str, argument: str = "", *, sure: bool
    ) -> Dialogue[str | Refusal]:
        """Read by a command; ``sure``: the meter is known to understand this form of it.

        Some meters do not refuse what they do not understand, but say nothing.
        """
        yield from self.programming()
        tries = 2 if sure else 1
        try:
            answer = yield from self.session.read(command, code, argument, tries=tries)
        except MeterSilent as silence:
            if sure:
                raise
            self._login_next = self._may_login and self.session.state is State.PROGRAMMING
            self.session.fail()
            return Refusal(str(silence), silent=True)
        except SessionEnded:
            self._noes += 1
            self._login_next = self._may_login and self._noes > 1
            raise
        locked = self.session.state is State.PROGRAMMING
        if not isinstance(answer, Refusal):
            self._note_answered(locked=locked)
            return answer
        self._noes += not answer.told
        if not (locked and self._may_login and (answer.told or self._noes > 1)):
            return answer
        if not (yield from self._password_taken()):
            return answer
        again = yield from self.session.read(command, code, argument, tries=tries)
        if not isinstance(again, Refusal):
            self._note_answered(locked=False)
        return again

    @property
    def _may_login(self) -> bool:
        """Whether it may be that reads want the password, and it may be tried."""
        return self._logins_left > 0 and self.options.login == "writes"

    def _note_answered(self, *, locked: bool) -> None:
        self._login_reads = self._login_reads or (self._may_login and not locked)
        self._logins_left = 0

    def _password_taken(self) -> Dialogue[bool]:
        """Send the password. A wrong one is never tried twice: that locks meters."""
        left, self._logins_left = self._logins_left - 1, 0
        try:
            yield from self.session.unlock()
        except SessionRefused:
            yield from self.session.break_off()
            return False
        except (MeterSilent, RemoteProtocolError):
            self.session.fail()
            return False
        self._logins_left = left
        return True

    def readout(self) -> Dialogue[list[DataSet]]:
        """Read everything that the meter shows, in a session of its own."""
        yield from self.close()
        return (yield from self.repeated(self.session.readout))

    def close(self) -> Dialogue[None]:
        """End the session, if there is one."""
        if self.session.takes_commands or self.session.state is not State.CLOSED:
            with self.session.doubting():
                yield from self.session.break_off()
