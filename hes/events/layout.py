"""Channel layouts: the list of OBIS code, scaler and unit that a meter repeats in every message.

A layout is stored once, by the hash of its content, and events refer to it. In memory an event
always holds the layout itself; ``hes.store.codec`` turns it into the reference and back.
"""

import hashlib
from typing import Final

import msgspec

ROW_CHANNELS_MAX: Final = 256
"""More columns than any meter's profile has; bounds what one hostile push can make us keep."""


class Channel(msgspec.Struct, frozen=True, array_like=True):
    """What one value of a message is."""

    obis: str
    """Full form, ``1.0.1.8.0.255``."""
    scaler: int | None = None
    """Decimal exponent; None when neither the message nor the meter type told it."""
    unit: int | None = None
    """Code of COSEM, with a prefix as in ``hes.quantities``; None when unknown."""
    class_id: int | None = None
    attribute: int | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Channel, ...])


class Layout:
    """An immutable list of channels; equal content gives the same ``id`` everywhere, for ever."""

    __slots__ = ("channels", "id", "state")

    def __init__(self, channels: tuple[Channel, ...]) -> None:
        if len(channels) > ROW_CHANNELS_MAX:
            raise ValueError(f"layout of {len(channels)} channels, limit {ROW_CHANNELS_MAX}")
        self.channels = channels
        self.state: bytes = _encoder.encode(channels)
        """The stored form."""
        self.id = int.from_bytes(hashlib.blake2b(self.state, digest_size=7).digest())
        """56 bits of the content's hash: positive in every database's integer type."""

    @classmethod
    def from_state(cls, state: bytes) -> "Layout":
        """Return the layout whose stored form is ``state``.

        Raises:
            msgspec.DecodeError: it is no stored layout.

        """
        return cls(_decoder.decode(state))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and other.id == self.id

    def __hash__(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return f"Layout({', '.join(channel.obis for channel in self.channels)})"
