"""All kinds of links: each module of this package with a ``LINK`` is one."""

import importlib
import pkgutil
from typing import Final

import protocols.links
from protocols.errors import LocalProtocolError
from protocols.links.base import Link, LinkKind, LinkSettings, Verdict
from protocols.links.texts import TEXT_SIZE_MAX

DETECTION_SIZE_MAX: Final = 64
"""Every known sign shows within so many bytes; only the text of a raw modem may be longer."""


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


def detect(first: bytes, settings: LinkSettings, *, ended: bool = False) -> LinkKind | Verdict:
    """Return the kind of link whose first bytes these are, or ``MORE``, or ``NO``.

    A kind is held back while one of a surer sign may still show; ``ended`` says that no more
    bytes come for now, so nothing is waited for. With a link named in ``settings`` there is
    nothing to detect: that kind is returned.
    """
    if settings.link != "auto":
        return KINDS[settings.link]
    undecided = Verdict.NO
    for kind in KINDS.values():
        if kind.name in settings.left_out:
            continue
        verdict = kind.sniff(first, settings)
        if verdict is Verdict.YES:
            wait = undecided is Verdict.MORE and not ended
            return Verdict.MORE if wait and len(first) < DETECTION_SIZE_MAX else kind
        if verdict is Verdict.MORE:
            undecided = Verdict.MORE
    size_max = DETECTION_SIZE_MAX if settings.registration is None else TEXT_SIZE_MAX
    return Verdict.NO if len(first) >= size_max else undecided
