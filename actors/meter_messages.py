"""What one may say to the actor of a meter."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from actors.patience import Patience
from actors.port import Port
from hes.commands import Command
from hes.ids import MeterId
from protocols.dlms.apdu_push import (
    CONFIRMED,
    DataNotification,
    DataNotificationConfirm,
    EventNotification,
    confirmation_of,
    encode_confirm,
)
from protocols.dlms.push_shape import ShapedPush


class Push(msgspec.Struct):
    """The meter sent this by itself."""

    plain: DataNotification | EventNotification | ShapedPush
    counter: int | None
    digest: bytes
    apdu: bytes
    """As it came, to be kept when it cannot be read."""
    received_at: datetime
    port: Port
    reply: Callable[[bytes], bytes]
    others: Sequence[MeterId] = ()
    """Further meters that it may be from, should this one not take it."""

    def confirmation(self) -> bytes:
        """Return what tells the sender that it is stored; nothing when it does not want to know."""
        plain = self.plain
        if isinstance(plain, EventNotification) or not plain.long_invoke_id & CONFIRMED:
            return b""
        if isinstance(plain, ShapedPush):
            return self.reply(confirmation_of(self.apdu))
        return self.reply(encode_confirm(DataNotificationConfirm(plain.long_invoke_id, plain.time)))


class SaveSnapshot(msgspec.Struct, frozen=True):
    """The memory should be stored, so that the next start need not fold the whole stream."""


class Perform(msgspec.Struct, frozen=True):
    """A person wants something; the answer is a ``hes.commands.Answer``."""

    command: Command
    timeout_s: float
    patience: Patience = msgspec.field(default_factory=Patience)
    """Of who asks."""


class Collect(msgspec.Struct, frozen=True):
    """It is time for the scheduled read."""

    deadline_s: float
    """Nobody needs it later than so many seconds from now."""
    unless_within_s: float = 0.0
    """Nor when such a read succeeded within so many seconds before."""


class FillGap(msgspec.Struct, frozen=True):
    """There is time now for what is missing; the slot for it is taken."""

    deadline_s: float


class Finished(msgspec.Struct):
    """A transaction has ended."""

    job: Any
    result: Any
    failure: Exception | None


class GoOn(msgspec.Struct):
    """A job's next conversation is due."""

    job: Any


MeterMessage = Push | Perform | Collect | FillGap | Finished | GoOn | SaveSnapshot
