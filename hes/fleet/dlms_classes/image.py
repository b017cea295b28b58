"""The image transfer of a simulated meter: blocks, a bitmap, verification, activation; and faults.

What it has survives the end of an association and of its supply, as it does in flash memory.
An image is sound when it begins with ``SOUND``; the meter then says that it runs its identifier.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from hes.fleet.dlms_classes.stored import DONE, StoredObject
from protocols.dlms.classes.image_transfer import (
    ACTIVATE,
    BLOCK,
    BLOCK_TRANSFER,
    IMAGE_TRANSFER,
    INITIATE,
    OFFER,
    USUAL_OBIS,
    VERIFY,
    ImageInfo,
    ImageStatus,
    ImageTransfer,
    Offer,
)
from protocols.dlms.cosem import DataAccessError

SOUND: Final = b"SIMFW"
SIZE_MAX: Final = 1024 * 1024
EMPTY: Final = ImageTransfer(
    block_size_bytes=128, transferred="", first_missing=0, enabled=True,
    status=ImageStatus.NOT_INITIATED,
)  # fmt: skip


class ImageFaults(msgspec.Struct):
    """What goes wrong; each counts down to nothing."""

    lost_blocks: set[int] = msgspec.field(default_factory=set)
    """Taken with a yes, and not kept; each once."""
    busy_blocks: int = 0
    """So many blocks are put off."""
    verify_polls: int = 0
    """Verification takes so many questions."""
    activate_polls: int = 0
    verify_fails: bool = False
    activate_fails: bool = False
    forgets: bool = False
    """After its activation it knows of no image."""


class SimulatedImage(StoredObject[ImageTransfer]):
    """Class 18."""

    def __init__(self, run: Callable[[bytes], None], *, block_size: int = 128) -> None:
        empty = msgspec.structs.replace(EMPTY, block_size_bytes=block_size)
        super().__init__(IMAGE_TRANSFER, USUAL_OBIS, empty, {"enabled"})
        self.faults = ImageFaults()
        self.taken = 0
        """Blocks that came, also those that came twice."""
        self.initiated = 0
        """How often a transfer was begun."""
        self._run = run
        self._offer = Offer(b"", 0)
        self._blocks: dict[int, bytes] = {}
        self._polls = 0
        self.methods = {
            INITIATE: self._initiate, BLOCK_TRANSFER: self._take, VERIFY: self._verify,
            ACTIVATE: self._activate,
        }  # fmt: skip

    @property
    def image(self) -> bytes:
        """What came so far."""
        return b"".join(self._blocks[number] for number in sorted(self._blocks))

    def lose_all(self) -> None:
        """Forget the transfer, as meters do that keep it in memory and lose their supply."""
        self._offer, self._blocks = Offer(b"", 0), {}
        self.change(
            transferred="", first_missing=0, status=ImageStatus.NOT_INITIATED, to_activate=()
        )

    def read(self, index: int, now: datetime) -> Any:
        """See ``StoredObject``; looking at the status lets time pass."""
        if index == IMAGE_TRANSFER.index("status"):
            self._get_on()
        return super().read(index, now)

    # -- methods

    def _initiate(self, parameter: Any, _now: datetime) -> int:
        offer = OFFER.decode(parameter)
        if not self.values.enabled or not 0 < offer.size_bytes <= SIZE_MAX:
            return DataAccessError.READ_WRITE_DENIED
        self.initiated += 1
        self._offer, self._blocks = offer, {}
        self.change(status=ImageStatus.INITIATED, to_activate=())
        self._count()
        return DONE

    def _take(self, parameter: Any, _now: datetime) -> int:
        block = BLOCK.decode(parameter)
        if self.values.status is not ImageStatus.INITIATED:
            return DataAccessError.OTHER_REASON
        size = self.values.block_size_bytes
        if len(block.data) != min(size, self._offer.size_bytes - block.number * size):
            return DataAccessError.TYPE_UNMATCHED
        if self.faults.busy_blocks:
            self.faults.busy_blocks -= 1
            return DataAccessError.TEMPORARY_FAILURE
        self.taken += 1
        if block.number in self.faults.lost_blocks:
            self.faults.lost_blocks.discard(block.number)
        else:
            self._blocks[block.number] = block.data
        self._count()
        return DONE

    def _count(self) -> None:
        count = -(-self._offer.size_bytes // self.values.block_size_bytes)
        bits = "".join("01"[number in self._blocks] for number in range(count))
        first = bits.find("0")
        self.change(transferred=bits, first_missing=count if first < 0 else first)

    def _verify(self, _parameter: Any, _now: datetime) -> int:
        if "0" in self.values.transferred or not self._blocks:
            return DataAccessError.OTHER_REASON
        self._polls = self.faults.verify_polls
        self.change(status=ImageStatus.VERIFICATION_INITIATED)
        if self._polls:
            return DataAccessError.TEMPORARY_FAILURE
        self._get_on()
        sound = self.values.status is ImageStatus.VERIFICATION_SUCCESSFUL
        return DONE if sound else DataAccessError.OTHER_REASON

    def _activate(self, _parameter: Any, _now: datetime) -> int:
        if self.values.status is not ImageStatus.VERIFICATION_SUCCESSFUL:
            return DataAccessError.OTHER_REASON
        self._polls = self.faults.activate_polls
        self.change(status=ImageStatus.ACTIVATION_INITIATED)
        if self._polls:
            return DataAccessError.TEMPORARY_FAILURE
        self._get_on()
        return DONE

    # -- what takes its time

    def _get_on(self) -> None:
        if self._polls:
            self._polls -= 1
        elif self.values.status is ImageStatus.VERIFICATION_INITIATED:
            self._verified()
        elif self.values.status is ImageStatus.ACTIVATION_INITIATED:
            self._activated()

    def _verified(self) -> None:
        if self.faults.verify_fails or not self.image.startswith(SOUND):
            self.change(status=ImageStatus.VERIFICATION_FAILED)
            return
        info = ImageInfo(self._offer.size_bytes, self._offer.identifier, b"")
        self.change(status=ImageStatus.VERIFICATION_SUCCESSFUL, to_activate=(info,))

    def _activated(self) -> None:
        if self.faults.activate_fails:
            self.change(status=ImageStatus.ACTIVATION_FAILED)
            return
        self._run(self._offer.identifier)
        self.change(status=ImageStatus.ACTIVATION_SUCCESSFUL)
        if self.faults.forgets:
            self.lose_all()
