"""All kinds of links: each module of this package with a ``LINK`` is one."""

import importlib
import pkgutil
from typing import Final

import protocols.links
from protocols.errors import LocalProtocolError
from protocols.links.base import Link, LinkKind, LinkSettings, Verdict

DETECTION_SIZE_MAX: Final = 64
"""Every known sign shows within so many bytes."""


def _find() -> dict[str, LinkKind]:
    modules = (
        importlib.import_module(f"{protocols.links.__name__}.{found.name}")
        for found in pkgutil.iter_modules(protocols.links.__path__)
    )
    kinds = [module.LINK for module in modules if hasattr(module, "LINK")]
    return {kind.name: kind for kind in sorted(kinds, key=lambda kind: kind.order)}


KINDS: Final = _find()
"""Name to kind, in the order of detection."""


def make_link(settings: LinkSettings) -> Link:
    """Return a new link of the kind that ``settings`` name.

    Raises:
        LocalProtocolError: no such kind.

    """
    kind = KINDS.get(settings.link)
    if kind is None:
        known = ", ".join(KINDS)
        raise LocalProtocolError("link", f"no link {settings.link!r}; known are {known}")
    return kind.make(settings)


def detect(first: bytes, settings: LinkSettings) -> LinkKind | Verdict:
    """Return the kind of link whose first bytes these are, or ``MORE``, or ``NO``.

    With a link named in ``settings`` there is nothing to detect: that kind is returned.
    """
    if settings.link != "auto":
        return KINDS[settings.link]
    undecided = Verdict.NO
    for kind in KINDS.values():
        match kind.sniff(first, settings):
            case Verdict.YES:
                return kind
            case Verdict.MORE:
                undecided = Verdict.MORE
            case Verdict.NO:
                pass
    return Verdict.NO if len(first) >= DETECTION_SIZE_MAX * 4 else undecided
