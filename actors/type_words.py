"""What the type of a meter says of its messages and its log: names, scalers, meanings of codes."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.context import Context
from hes.ids import MeterId
from protocols.dlms.names import CodeNames
from protocols.dlms.options import DlmsOptions
from protocols.dlms.push import PushItem
from protocols.dlms.push_layouts import positional_items
from protocols.meter_types.meter_type import MeterType
from protocols.meter_types.shipped import shipped_types

Scale = tuple[int | None, int | None]
Numbered = tuple[int, PushItem]
"""A value of a push, and its place among those of the message."""


class TypeWords:
    """The words of one meter type."""

    def __init__(self, meter_type: MeterType) -> None:
        self.events = meter_type.events.names
        """What a code or a status word means, as names of events."""
        options = meter_type.options
        self._options = options if isinstance(options, DlmsOptions) else DlmsOptions()
        self._names = CodeNames(self._options)
        self.renames = self._names.renames
        """Whether the meter calls anything otherwise than people do."""

    def scale_of(self, obis: str) -> Scale | None:
        """Return scaler and unit of a register, where the type tells them."""
        if not self._options.scales:
            return None
        known = self._options.scales.get(self._names.theirs(obis) or "")
        return None if known is None else (known.scaler, known.code)

    def positional(self, body: Any) -> list[PushItem]:
        """Return what the bare values of a push are, where the type tells it."""
        return positional_items(body, self._options.pushes)

    def renamed(self, items: Sequence[PushItem]) -> list[Numbered]:
        """Return the values by the codes that people know, without those that are no tariff."""
        return [
            (at, msgspec.structs.replace(item, obis=ours))
            for at, item in enumerate(items)
            if (ours := self._names.ours(item.obis)) is not None
        ]


def generic_words() -> TypeWords:
    """Return the words of a DLMS meter of which no type is known."""
    generic = shipped_types().of("", "dlms")
    assert generic is not None  # noqa: S101 -- it comes with the program
    return TypeWords(generic)


GENERIC: Final = generic_words()


class Shared:
    """The words of each meter type, once for all meters of it."""

    def __init__(self) -> None:
        self._by_type: dict[int, tuple[MeterType, TypeWords]] = {}
        """By identity, which no other type takes over while it stands here."""

    def of(self, meter_type: MeterType) -> TypeWords:
        """Return the words of a type of the catalogue, of which there are some dozens."""
        if id(meter_type) not in self._by_type:
            self._by_type[id(meter_type)] = meter_type, TypeWords(meter_type)
        return self._by_type[id(meter_type)][1]


SHARED: Final = Shared()


class WordsOf:
    """Keeps the words of one meter, of the type that the device list gives it now."""

    __slots__ = ("_context", "_meter", "_version", "_words")

    def __init__(self, meter: MeterId, context: Context) -> None:
        self._meter = meter
        self._context = context
        self._words = GENERIC
        self._version = -1
        """Of the directory that they are from."""

    def now(self) -> TypeWords:
        """Return them; those of any DLMS meter while the type is not known."""
        version = self._context.directory.version
        if version != self._version:
            meter_type = self._context.type_of(self._meter)
            self._words = GENERIC if meter_type is None else SHARED.of(meter_type)
            self._version = version
        return self._words
