"""The steps of an image transfer, one table: what follows on what a meter says.

The order is that of the standard's seven steps (class 18): size of blocks, initiation, blocks,
holes, verification, comparison, activation.
"""

from enum import Enum, auto
from typing import Final

from protocols.errors import RemoteProtocolError


class Step(Enum):
    """Where the transfer stands."""

    ASKING_ENABLED = auto()
    ENABLING = auto()
    ASKING_BLOCK_SIZE = auto()
    ASKING_STATUS = auto()
    INITIATING = auto()
    SENDING = auto()
    ASKING_BLOCKS = auto()
    VERIFYING = auto()
    POLLING_VERIFICATION = auto()
    COMPARING = auto()
    ACTIVATING = auto()
    POLLING_ACTIVATION = auto()
    ACTIVATED = auto()
    FAILED = auto()


class Signal(Enum):
    """What the meter said, or that it can no longer be heard."""

    YES = auto()
    NO = auto()
    DONE = auto()
    BUSY = auto()
    REFUSED = auto()
    FRESH = auto()
    """The block size is known, and the meter has nothing of this image yet."""
    RESUMED = auto()
    """The block size is known, and the meter may have blocks of this image."""
    NOT_INITIATED = auto()
    RESTARTED = auto()
    """It knows of no image after it was told to activate one: it began anew with it, or without."""
    INITIATED = auto()
    IN_VERIFICATION = auto()
    VERIFIED = auto()
    VERIFICATION_FAILED = auto()
    IN_ACTIVATION = auto()
    ACTIVATED = auto()
    ACTIVATION_FAILED = auto()
    MORE = auto()
    """Blocks are still to be sent."""
    ALL_SENT = auto()
    COMPLETE = auto()
    SAME = auto()
    OTHER = auto()
    LOST = auto()


OPEN: Final = tuple(step for step in Step if step not in {Step.ACTIVATED, Step.FAILED})
TRANSITIONS: Final[dict[tuple[Step, Signal], Step]] = {
    # 1: may it be done, and in which blocks?
    (Step.ASKING_ENABLED, Signal.YES): Step.ASKING_BLOCK_SIZE,
    (Step.ASKING_ENABLED, Signal.NO): Step.ENABLING,
    (Step.ENABLING, Signal.DONE): Step.ASKING_BLOCK_SIZE,
    (Step.ASKING_BLOCK_SIZE, Signal.FRESH): Step.INITIATING,
    (Step.ASKING_BLOCK_SIZE, Signal.RESUMED): Step.ASKING_STATUS,
    # After a break: where does the meter stand?
    (Step.ASKING_STATUS, Signal.NOT_INITIATED): Step.INITIATING,
    (Step.ASKING_STATUS, Signal.RESTARTED): Step.ACTIVATED,
    (Step.ASKING_STATUS, Signal.INITIATED): Step.ASKING_BLOCKS,
    (Step.ASKING_STATUS, Signal.IN_VERIFICATION): Step.POLLING_VERIFICATION,
    (Step.ASKING_STATUS, Signal.VERIFIED): Step.COMPARING,
    (Step.ASKING_STATUS, Signal.VERIFICATION_FAILED): Step.FAILED,
    (Step.ASKING_STATUS, Signal.IN_ACTIVATION): Step.POLLING_ACTIVATION,
    (Step.ASKING_STATUS, Signal.ACTIVATED): Step.ACTIVATED,
    (Step.ASKING_STATUS, Signal.ACTIVATION_FAILED): Step.FAILED,
    # 2 and 3: name, size, blocks.
    (Step.INITIATING, Signal.DONE): Step.SENDING,
    (Step.INITIATING, Signal.BUSY): Step.INITIATING,
    (Step.SENDING, Signal.MORE): Step.SENDING,
    (Step.SENDING, Signal.BUSY): Step.SENDING,
    (Step.SENDING, Signal.ALL_SENT): Step.ASKING_BLOCKS,
    # 4: what has not come through?
    (Step.ASKING_BLOCKS, Signal.MORE): Step.SENDING,
    (Step.ASKING_BLOCKS, Signal.COMPLETE): Step.VERIFYING,
    # 5: is it whole?
    (Step.VERIFYING, Signal.DONE): Step.COMPARING,
    (Step.VERIFYING, Signal.BUSY): Step.POLLING_VERIFICATION,
    (Step.POLLING_VERIFICATION, Signal.IN_VERIFICATION): Step.POLLING_VERIFICATION,
    (Step.POLLING_VERIFICATION, Signal.INITIATED): Step.POLLING_VERIFICATION,
    (Step.POLLING_VERIFICATION, Signal.VERIFIED): Step.COMPARING,
    (Step.POLLING_VERIFICATION, Signal.VERIFICATION_FAILED): Step.FAILED,
    # 6: is it this one?
    (Step.COMPARING, Signal.SAME): Step.ACTIVATING,
    (Step.COMPARING, Signal.OTHER): Step.FAILED,
    # 7: run it.
    (Step.ACTIVATING, Signal.DONE): Step.POLLING_ACTIVATION,
    (Step.ACTIVATING, Signal.BUSY): Step.POLLING_ACTIVATION,
    (Step.POLLING_ACTIVATION, Signal.VERIFIED): Step.POLLING_ACTIVATION,
    (Step.POLLING_ACTIVATION, Signal.IN_ACTIVATION): Step.POLLING_ACTIVATION,
    (Step.POLLING_ACTIVATION, Signal.ACTIVATED): Step.ACTIVATED,
    (Step.POLLING_ACTIVATION, Signal.RESTARTED): Step.ACTIVATED,
    (Step.POLLING_ACTIVATION, Signal.ACTIVATION_FAILED): Step.FAILED,
    # Whatever breaks is looked at again; whatever is refused is over.
    **{(step, Signal.LOST): Step.ASKING_ENABLED for step in OPEN},
    **{(step, Signal.REFUSED): Step.FAILED for step in OPEN},
}


def step(now: Step, signal: Signal) -> Step:
    """Return the step after a signal.

    Raises:
        RemoteProtocolError: a meter does not say that here.

    """
    try:
        return TRANSITIONS[now, signal]
    except KeyError:
        what = f"the meter says {signal.name} while we are {now.name}"
        raise RemoteProtocolError("image-state", what.lower().replace("_", " ")) from None
