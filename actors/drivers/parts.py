"""Parts of a scheduled read, of which one does not cost what the others told."""

from typing import TypeVar

from protocols.dialogue import Dialogue
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError

T = TypeVar("T")


def kept(part: Dialogue[T], *, gone: type[MeterSilent] | None = None) -> Dialogue[T]:
    """Carry out the dialogue of a part; silence or nonsense there is a refusal of the part.

    ``gone``: the silence of a meter that is not there any more, which is raised as it is.

    Raises:
        MeterRefused: the part brought nothing.

    """
    try:
        return (yield from part)
    except (MeterSilent, RemoteProtocolError) as problem:
        if gone is not None and isinstance(problem, gone):
            raise
        raise MeterRefused(str(problem)) from None
