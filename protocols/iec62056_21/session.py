"""One session with one meter: sign-on, readout, programming mode, commands, break.

A session that broke off leaves its meter waiting for something, for a minute or two. So the next
one begins with a break, and where meters share a line every one does: a neighbour left in
programming mode would answer to commands that are meant for this meter. A read that got a damaged
answer asks for it once more with a NAK; what is wrong after that is left to the caller, who begins
a new session.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from protocols.dialogue import Dialogue
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError, SessionRefused
from protocols.iec62056_21 import answers, frame
from protocols.iec62056_21.datasets import DataSet, parse_block
from protocols.iec62056_21.frame import Block, Line, Message, encode_command
from protocols.iec62056_21.identification import (
    Identification,
    parse_identification,
)
from protocols.iec62056_21.line import BREAK, SerialSession, is_ack, is_break, is_nak
from protocols.iec62056_21.options import Iec62056Options, Iec62056Timers
from protocols.iec62056_21.states import Signal, State, step
from protocols.iec62056_21.whose import is_anothers, told_in

READOUT: Final = "0"
PROGRAMMING: Final = "1"
BINARY: Final = "2"
NORMAL: Final = "0"
COMMANDABLE: Final = ("C", "E")
"""The modes in which an option can be selected."""
PARTS_MAX: Final = 4096
ANSWER_SIZE_MAX: Final = 1024 * 1024
NO_SUCH: Final = "the meter does not have it"


class Refusal(msgspec.Struct, frozen=True):
    """The meter will not answer this; a result."""

    reason: str
    silent: bool = False
    """It said so by saying nothing."""
    told: bool = False
    """It said so by an error of its own, which may mean anything: that it wants the password."""


class SessionEnded(RemoteProtocolError):
    """The meter ended the session with a break; another one may go better."""

    def __init__(self) -> None:
        super().__init__("break", "the meter ended the session (B0)")


class MeterAbsent(MeterSilent):
    """The meter does not even say who it is."""


class NoProgramming(MeterSilent):
    """The meter says who it is, and enters no programming mode: many only send their readout."""

    def __init__(self) -> None:
        super().__init__("the meter said who it is, and did not enter programming mode")


class Session:
    """See the module. ``state`` outlives conversations: it tells whether a break is due."""

    def __init__(
        self, address: str, password: str, options: Iec62056Options, timers: Iec62056Timers
    ) -> None:
        self.state = State.CLOSED
        self._address = address
        self._password = password
        self._options = options
        self._timers = timers
        self._line = SerialSession(options, timers)
        self._understood = False
        """Whether the meter ever answered: then it understands the parity that we send."""
        self._talked = False
        """Whether a session ended by itself: the meter needs a moment before the next one."""
        self._strange = ""
        """What a meter in programming mode said last that is not its address."""

    def fail(self) -> None:
        """Take note that the conversation broke off."""
        self._step(Signal.FAILED)

    @contextmanager
    def doubting(self) -> Iterator[None]:
        """Take note when the conversation inside breaks off, be it because nobody listens."""
        try:
            yield
        except (MeterRefused, SessionEnded):
            raise  # the meter is where it should be
        except BaseException:
            self.fail()
            raise

    def _step(self, signal: Signal) -> None:
        self.state = step(self.state, signal)

    # -- opening

    def sign_on(self) -> Dialogue[Identification]:
        """Call the meter until it says who it is.

        Raises:
            MeterAbsent: it never does.

        """
        request = frame.encode_request(self._address)
        shared = bool(self._address)
        if self._talked and not shared:
            yield from self._line.tell(b"")
        self._talked = True
        for attempt in range(self._timers.sign_ons):
            if attempt or shared or self.state is not State.CLOSED:
                yield from self.break_off()
            try:
                message = yield from self._line.ask(request, answers.is_identification)
            except RemoteProtocolError:
                message = None  # something is on the line: a break ends it
            if isinstance(message, Line):
                self._understood = True
                self._step(Signal.ANSWERED)
                return parse_identification(message.text)
            if self._options.parity == "auto" and not self._understood:
                self._line.even = not self._line.even
        self.fail()
        who = self._address or "on the line"
        raise MeterAbsent(f"meter {who} did not answer, called {self._timers.sign_ons} times")

    def _select(self, who: Identification, protocol: str, mode: str) -> bytes:
        return frame.encode_option(protocol, self._options.baud_char or who.baud_char, mode)

    def readout(self) -> Dialogue[list[DataSet]]:
        """Read everything that the meter shows, in a session of its own.

        Raises:
            RemoteProtocolError: what came is damaged, asked for twice.

        """
        who = yield from self.sign_on()
        self._step(Signal.READOUT_CHOSEN)
        # In modes A and B the data follow by themselves.
        request = self._select(who, NORMAL, READOUT) if who.mode in COMMANDABLE else b""
        text = yield from self._data(request, answers.is_readout, "", [])
        if text is None:
            raise MeterSilent("the meter said who it is, and sent no data")
        self._step(Signal.READOUT_ENDED)
        sets = parse_block(text)
        if is_anothers(self._address, told_in(sets)):
            raise self._other_meter(", ".join(told_in(sets)))
        return sets

    def program(self) -> Dialogue[None]:
        """Enter programming mode.

        Raises:
            MeterRefused: it has none.
            NoProgramming: it says nothing to that, or sends its readout all the same.

        """
        who = yield from self.sign_on()
        if who.mode not in COMMANDABLE:
            # No check protects an identification: one that says no must say it twice.
            yield from self.break_off()
            first, who = who, (yield from self.sign_on())
            if who == first:
                raise SessionRefused(f"a meter in mode {who.mode} takes no commands")
        request = self._select(who, NORMAL, PROGRAMMING)
        for _ in range(2):
            message = yield from self._line.ask(request, answers.is_programming)
            if message is None:
                continue
            if answers.is_readout(message) and not is_break(message):
                break
            if isinstance(message, Block) and not message.good:
                request = bytes((frame.NAK,))
                continue
            if is_break(message):
                raise self._ended()
            self._step(Signal.PROGRAMMING_ENTERED)
            self._check_owner(message)
            return
        raise NoProgramming

    def _check_owner(self, message: Message) -> None:
        """Refuse another meter. The word for a cipher is new each time, and names nobody."""
        told = message.data.strip("()") if isinstance(message, Block) else ""
        if not is_anothers(self._address, [told]):
            return
        before, self._strange = self._strange, told
        if before in {"", told}:
            raise self._other_meter(told)

    def _other_meter(self, told: str) -> RemoteProtocolError:
        return RemoteProtocolError("address", f"meter {told} answered for {self._address}")

    def unlock(self) -> Dialogue[None]:
        """Send the password, once: after three wrong ones meters lock themselves.

        Raises:
            MeterRefused: it is wrong, or there is none.
            MeterSilent: no answer.

        """
        if self.state is State.UNLOCKED:
            return
        if not self._password:
            raise SessionRefused("the meter wants a password, and the device list has none")
        request = self._encoded(self._options.password_command, f"({self._password})")
        message = yield from self._line.ask(request, answers.is_verdict)
        if message is None:
            raise MeterSilent("the meter did not say whether the password is right")
        if not is_ack(message):
            reason = answers.given_reason(message)
            raise SessionRefused(f"the meter refused the password: {reason}")
        self._step(Signal.PASSWORD_TAKEN)

    def binary(self) -> Dialogue[Identification]:
        """Hand the line over to HDLC: mode E.

        Raises:
            MeterRefused: the meter does not offer it.

        """
        who = yield from self.sign_on()
        if who.mode != "E":
            raise MeterRefused(f"the meter {who.text!r} does not offer mode E")
        request = self._select(who, BINARY, BINARY)
        # It repeats what was selected; an echo of ours looks the same, and does as well.
        yield from self._line.ask(request, answers.is_option, wait_s=self._timers.gap_s)
        self._step(Signal.BINARY_CHOSEN)
        return who

    def break_off(self) -> Dialogue[None]:
        """Send a break: the meter waits for a request again."""
        yield from self._line.tell(self._encoded(BREAK, None), both=not self._understood)
        self._step(Signal.BROKEN_OFF)

    def _ended(self) -> SessionEnded:
        self._step(Signal.BROKEN_OFF)
        return SessionEnded()

    @property
    def takes_commands(self) -> bool:
        """Whether the meter is in programming mode; a break glued to its last answer ended it."""
        if self._line.broken_off and self.state is not State.CLOSED:
            self._step(Signal.BROKEN_OFF)
        return self.state in {State.PROGRAMMING, State.UNLOCKED}

    # -- commands

    def read(
        self, command: str, code: str, argument: str = "", *, tries: int = 2
    ) -> Dialogue[str | Refusal]:
        """Return the text of the answer, all its parts joined; a refusal is a result.

        Raises:
            MeterSilent: no answer.
            RemoteProtocolError: a damaged answer, asked for twice; the session is over.

        """
        request = self._encoded(command, f"{code}({argument})")
        refusals: list[str] = []

        def accept(message: Message) -> bool:
            if is_nak(message) or is_break(message):
                return True
            if isinstance(message, Block) and not message.command:
                return not message.good or answers.are_to(message.data, code)
            return False

        for earlier in range(tries):
            text = yield from self._data(request, accept, code, refusals)
            self._line.owed = earlier > 0 or text is None
            if text is not None:
                if answers.is_error(text):
                    return Refusal(text.strip("\r\n()"), told=True)
                return text
        if refusals:
            return Refusal(refusals[-1])
        raise MeterSilent(f"no answer to {command} {code}")

    def _data(
        self,
        request: bytes,
        accept: Callable[[Message], bool],
        code: str,
        refusals: list[str],
    ) -> Dialogue[str | None]:
        """Send and collect all parts of the answer; None: silence, or a NAK."""
        parts: list[str] = []
        size = 0
        while True:
            block = yield from self._block(request, accept)
            if block is None and not parts:
                return None
            if block is None:
                raise RemoteProtocolError("truncated", f"an answer ended after {len(parts)} parts")
            if not isinstance(block, Block):
                refusals.append("it does not understand the command (NAK)")
                return None
            parts.append(block.data)
            size += len(block.data)
            if not block.more:
                return "".join(parts)
            if len(parts) > PARTS_MAX or size > ANSWER_SIZE_MAX:
                raise RemoteProtocolError("size", f"an answer of {len(parts)} parts without end")
            request = bytes((frame.ACK,)) if self._options.acknowledge_blocks else b""
            accept = answers.is_part_of(code)

    def _block(self, request: bytes, accept: Callable[[Message], bool]) -> Dialogue[Message | None]:
        """Send and return the answer; a damaged one is asked for once more with a NAK."""
        for last in (False, True):
            try:
                message = yield from self._line.ask(request, accept)
            except RemoteProtocolError as problem:
                if last or problem.category != "truncated":
                    raise
            else:
                if message is None and last:
                    raise RemoteProtocolError("bcc", "a damaged answer was not repeated")
                if message is not None and is_break(message):
                    raise self._ended()
                if not isinstance(message, Block) or message.good:
                    return message
            request, accept = bytes((frame.NAK,)), answers.unless_nak(accept)
        raise RemoteProtocolError("bcc", "the check of an answer is wrong, and of its repeat too")

    def write(self, code: str, value: str) -> Dialogue[None]:
        """Write one value, once: whoever does not hear the answer reads back.

        Raises:
            MeterRefused: it will not.
            MeterSilent: it did not say whether it did.

        """
        options = self._options
        text = f"{code}({value})" + (f"({self._password})" if options.write_password else "")
        message = yield from self._line.ask(
            self._encoded(options.write_command, text), answers.is_verdict
        )
        if message is None:
            raise MeterSilent(f"the meter did not say whether it took {code}")
        if not is_ack(message):
            raise MeterRefused(
                f"the meter refused to write {code}: {answers.given_reason(message)}"
            )

    def _encoded(self, command: str, data: str | None) -> bytes:
        return encode_command(command, data, check=self._options.check)
