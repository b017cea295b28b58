"""The transfer of one image to one meter: what to ask next, and what the answers mean.

Sans-io and without a line: ``ask`` says what to ask the meter, ``told`` takes the answer. What the
meter has is never guessed: each conversation begins with ``look_again``, which reads its status and
bitmap, and an image that it has begun to take is not begun anew, for that would clear its blocks.
"""

from typing import Any, Final

import msgspec

from protocols.dlms.classes.image_transfer import (
    ACTIVATE,
    BLOCK,
    BLOCK_TRANSFER,
    IDENTIFIER_SIZE_MAX,
    IMAGE_TRANSFER,
    INITIATE,
    NO_PARAMETER,
    OFFER,
    VERIFY,
    Block,
    ImageStatus,
    Offer,
)
from protocols.dlms.cosem import DataAccessError, Refused
from protocols.dlms.operations.image_steps import TRANSITIONS, Signal, Step, step
from protocols.errors import LocalProtocolError, RemoteProtocolError

BLOCK_SIZE_MAX: Final = 0xFFFF
IMAGE_SIZE_MAX: Final = 16 * 1024 * 1024
ROUNDS_MAX: Final = 8
"""How often the holes are sent again in vain before it is given up."""
BUSY_MAX: Final = 240
"""Polls of a meter that verifies, activates or is busy: 20 minutes, every five seconds."""
STATUS_SIGNALS: Final = {
    ImageStatus.NOT_INITIATED: Signal.NOT_INITIATED,
    ImageStatus.INITIATED: Signal.INITIATED,
    ImageStatus.VERIFICATION_INITIATED: Signal.IN_VERIFICATION,
    ImageStatus.VERIFICATION_SUCCESSFUL: Signal.VERIFIED,
    ImageStatus.VERIFICATION_FAILED: Signal.VERIFICATION_FAILED,
    ImageStatus.ACTIVATION_INITIATED: Signal.IN_ACTIVATION,
    ImageStatus.ACTIVATION_SUCCESSFUL: Signal.ACTIVATED,
    ImageStatus.ACTIVATION_FAILED: Signal.ACTIVATION_FAILED,
}
POLLING: Final = frozenset({Step.POLLING_VERIFICATION, Step.POLLING_ACTIVATION})
READ: Final = {
    Step.ASKING_ENABLED: "enabled",
    Step.ASKING_BLOCK_SIZE: "block_size_bytes",
    Step.ASKING_STATUS: "status",
    Step.ASKING_BLOCKS: "transferred",
    Step.COMPARING: "to_activate",
    Step.POLLING_VERIFICATION: "status",
    Step.POLLING_ACTIVATION: "status",
}
"""What is read in a step; in the others something is written or called."""


class Ask(msgspec.Struct, frozen=True):
    """What to ask the meter: an attribute to read or write, or a method to call."""

    index: int
    parameter: bytes = b""
    """Encoded; empty to read."""
    method: bool = False
    after_s: float = 0.0
    """Wait so long before: the meter is at it."""


class ImageSession:
    """The transfer of one image to one meter."""

    def __init__(
        self, identifier: bytes, image: bytes, *, resume: bool = False, poll_s: float = 5.0
    ) -> None:
        if not 0 < len(image) <= IMAGE_SIZE_MAX:
            raise LocalProtocolError("image", f"an image of {len(image)} bytes")
        if not 0 < len(identifier) <= IDENTIFIER_SIZE_MAX:
            raise LocalProtocolError("image", f"a name of {len(identifier)} bytes")
        self.step = Step.ASKING_ENABLED
        self.failure = ""
        """Why it failed, a sentence."""
        self.failed_at: Step | None = None
        self.restarted = False
        """Whether the meter forgot about the image after its activation: only its version tells."""
        self._identifier = identifier
        self._image = image
        self._poll_s = poll_s
        self._begun = resume
        """Whether the meter may have blocks of this image."""
        self._activated = False
        """Whether it was told to activate it."""
        self._block_size = 0
        self._missing: list[int] = []
        """Blocks to be sent, the next one last."""
        self._rounds = 0
        self._busy = 0
        self._done: set[int] = set()
        self._confirmed = 0
        """How many of them its bitmap showed last."""
        self._all_sent = False
        """Whether all that were missing then have been sent since."""
        self._shows_bits = True
        """Whether the meter lets its bitmap be read; if not, it tells the first missing block."""

    # -- for who looks on

    @property
    def size_bytes(self) -> int:
        """The size of the image."""
        return len(self._image)

    @property
    def done_bytes(self) -> int:
        """How much of the image the meter has."""
        return min(len(self._done) * self._block_size, len(self._image))

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do."""
        return self.step in {Step.ACTIVATED, Step.FAILED}

    # -- asking

    def ask(self) -> Ask:
        """Return what to ask next.

        Raises:
            LocalProtocolError: it has ended.

        """
        if self.ended:
            raise LocalProtocolError("image-state", "the transfer has ended")
        field = self._field()
        if field is not None:
            index = IMAGE_TRANSFER.index(field)
            return Ask(index, after_s=self._poll_s if self.step in POLLING else 0.0)
        if self.step is Step.ENABLING:
            index = IMAGE_TRANSFER.index("enabled")
            return Ask(index, IMAGE_TRANSFER.encode(index, True))
        after_s = self._poll_s if self._busy else 0.0
        return Ask(*self._call(), method=True, after_s=after_s)

    def _field(self) -> str | None:
        if self.step is Step.ASKING_BLOCKS and not self._shows_bits:
            return "first_missing"
        return READ.get(self.step)

    def _call(self) -> tuple[int, bytes]:
        if self.step is Step.INITIATING:
            return INITIATE, OFFER.encode(Offer(self._identifier, len(self._image)))
        if self.step is Step.SENDING:
            number = self._missing[-1]
            start = number * self._block_size
            data = self._image[start : start + self._block_size]
            return BLOCK_TRANSFER, BLOCK.encode(Block(number, data))
        if self.step is Step.ACTIVATING:
            self._activated = True  # a meter that obeys at once may never say so
            return ACTIVATE, NO_PARAMETER
        return VERIFY, NO_PARAMETER

    # -- answers

    def told(self, answer: Any) -> None:
        """Take the answer: the value that was read, or the result of a write or call.

        Raises:
            RemoteProtocolError: it is nonsense; the conversation should be ended.

        """
        field = self._field()
        if isinstance(answer, Refused):
            self._refused(answer)
        elif field is not None:
            self._read(IMAGE_TRANSFER.decode(IMAGE_TRANSFER.index(field), answer))
        else:
            self._called(answer)

    def look_again(self) -> None:
        """Begin a conversation: nothing is known of what the last one left behind."""
        if not self.ended:
            self._go(Signal.LOST)

    def _go(self, signal: Signal) -> None:
        self.step = step(self.step, signal)

    def _fail(self, why: str, signal: Signal = Signal.REFUSED) -> None:
        self.failed_at = self.step
        self.failure = f"{self.step.name.lower().replace('_', ' ')}: {why}"
        self._go(signal)

    def _refused(self, refusal: Refused) -> None:
        """Go on without what is good to know, and fail for what must be known."""
        denied = refusal.code == DataAccessError.READ_WRITE_DENIED
        if self.step is Step.ASKING_BLOCKS and self._shows_bits:
            self._shows_bits = False
        elif self.step is Step.COMPARING:
            self._compare(())
        elif self.step is Step.ASKING_ENABLED and denied:
            self._go(Signal.YES)
        else:
            self._fail(f"the meter refused ({refusal})")

    def _wait(self, signal: Signal) -> None:
        """Go on waiting, but not for ever."""
        self._busy += 1
        if self._busy > BUSY_MAX:
            self._fail(f"the meter is still at it after {BUSY_MAX * self._poll_s / 60:.0f} minutes")
        else:
            self._go(signal)

    def _read(self, value: Any) -> None:
        match self.step:
            case Step.ASKING_ENABLED:
                self._go(Signal.YES if value else Signal.NO)
            case Step.ASKING_BLOCK_SIZE:
                self._take_block_size(value)
            case Step.ASKING_BLOCKS:
                self._take_blocks(value if self._shows_bits else "1" * min(value, self._count))
            case Step.COMPARING:
                self._compare(value)
            case _:
                self._take_status(value)

    def _take_block_size(self, size: int) -> None:
        if not 0 < size <= BLOCK_SIZE_MAX:
            raise RemoteProtocolError("image-state", f"image blocks of {size} bytes")
        if self._block_size not in {0, size} and not self._activated:
            self._fail(f"its blocks have {size} bytes now, not {self._block_size}")
            return
        self._block_size = size
        self._go(Signal.RESUMED if self._begun else Signal.FRESH)

    @property
    def _count(self) -> int:
        return -(-len(self._image) // self._block_size)

    def _take_blocks(self, bits: str) -> None:
        """Look which blocks are missing; bits that the meter leaves out stand for such."""
        done = {number for number in range(self._count) if bits[number : number + 1] == "1"}
        stuck = self._all_sent and len(done) <= self._confirmed
        self._rounds = self._rounds + 1 if stuck else 0
        self._all_sent = False
        self._done, self._confirmed = done, len(done)
        missing = [number for number in range(self._count) if number not in done]
        if not missing:
            self._go(Signal.COMPLETE)
            return
        if self._rounds > ROUNDS_MAX:
            self._fail(f"block {missing[0]} does not come through")
            return
        self._missing = missing[::-1]
        self._go(Signal.MORE)

    def _compare(self, infos: Any) -> None:
        """Judge whether the meter would activate this image; one that does not tell is trusted."""
        same = not infos or any(
            info.size_bytes == len(self._image) and info.identifier in {b"", self._identifier}
            for info in infos
        )
        if same:
            self._go(Signal.SAME)
        else:
            self._fail("the meter would activate another image", Signal.OTHER)

    def _take_status(self, status: ImageStatus) -> None:
        signal = STATUS_SIGNALS[status]
        if signal is Signal.NOT_INITIATED and self._activated:
            self.restarted = True
            signal = Signal.RESTARTED
        if signal in {Signal.VERIFICATION_FAILED, Signal.ACTIVATION_FAILED}:
            self._fail(f"the meter says {signal.name.lower().replace('_', ' ')}", signal)
        elif self.step in POLLING and TRANSITIONS.get((self.step, signal)) is self.step:
            self._wait(signal)
        else:
            self._go(signal)

    def _called(self, code: int) -> None:
        if code == DataAccessError.TEMPORARY_FAILURE and self.step is not Step.ENABLING:
            self._wait(Signal.BUSY)
        elif code:
            self._fail(f"the meter refused ({Refused(code)})")
        else:
            self._obeyed()

    def _obeyed(self) -> None:
        self._busy = 0
        match self.step:
            case Step.INITIATING:
                self._begun = True
                self._done, self._confirmed = set(), 0
                self._missing = list(range(self._count))[::-1]
                self._go(Signal.DONE)
            case Step.SENDING:
                self._done.add(self._missing.pop())
                self._all_sent = not self._missing
                self._go(Signal.MORE if self._missing else Signal.ALL_SENT)
            case _:
                self._go(Signal.DONE)
