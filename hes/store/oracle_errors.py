"""Oracle's errors, in sentences for the person who must mend them.

The numbers are those that the manuals of Data Guard and of the driver name for what passes by
itself. All failures to connect come as one error of the driver; what the listener or the server
said stands behind it, as its cause.
"""

import re
from collections.abc import Iterator
from typing import Final

from hes.store.errors import StoreDuplicate, StoreError, StoreUnavailable

LOST: Final = frozenset({
    "DPY-1001", "DPY-4011", "DPY-4024", "DPY-4031", "DPY-6000", "DPY-6001", "DPY-6003", "DPY-6005",
    "ORA-00028", "ORA-00376", "ORA-00603", "ORA-01012", "ORA-01033", "ORA-01034", "ORA-01089",
    "ORA-01090", "ORA-01092", "ORA-01115", "ORA-03113", "ORA-03114", "ORA-03135", "ORA-12514",
    "ORA-12516", "ORA-12519", "ORA-12520", "ORA-12537", "ORA-12547", "ORA-12571", "ORA-12757",
    "ORA-16000", "ORA-16456", "ORA-25402", "ORA-25408",
})  # fmt: skip
"""The connection is of no use any more, or is one to a standby: another one may be."""
_PASSES: Final = frozenset({
    "ORA-00051", "ORA-00054", "ORA-00060", "ORA-01555", "ORA-04068", "ORA-08177", "ORA-24381",
    "ORA-30006",
})  # fmt: skip
"""Trying again helps, on the same connection."""
_FULL: Final = {
    "ORA-01653": "the tablespace of {shown} is full; add a data file to it",
    "ORA-01654": "the tablespace of the indexes of {shown} is full; add a data file to it",
    "ORA-01536": "the user's quota in {shown} is used up; raise it",
    "ORA-00257": "{shown} waits for its archiver; make room where it archives",
}
"""Nothing can be stored until a person makes room; then all goes on by itself."""
_MEND: Final = {
    "ORA-01017": "{shown} lets us not in: the user or the password is wrong; mend [store]",
    "ORA-28000": "{shown} has locked our user; have it unlocked, then start again",
    "ORA-28001": "the password of our user in {shown} has expired; have it changed",
    "ORA-00942": "a table is missing in {shown}, or not granted; see `hes db ddl oracle`",
    "ORA-00904": "a column is missing in {shown} ({text}); see `hes db ddl oracle`",
    "ORA-01031": "our user may not do this in {shown}; grant it what `hes db ddl oracle` lists",
    "ORA-01950": "our user has no quota in {shown}; grant it what `hes db ddl oracle` lists",
    "DPY-3010": "{shown} is older than 12.1, which is reached only with Oracle Instant Client 19:"
    " install it and write ?thick=<its folder> behind the URL",
    "DPI-1047": "Oracle Instant Client is missing, or cannot be loaded: {text}; install its version"
    " 19 for this kind of machine, and libaio, and write ?thick=<its folder> behind the URL",
    "DPI-1072": "this Oracle Instant Client is too old ({text}); install version 19",
    "ORA-03134": "{shown} is 11g, which this Oracle Instant Client is too new for; install"
    " version 19 of it",
    "DPY-2019": "one URL of Oracle has ?thick and another has not, and a process has one mode"
    " ({text}); write it behind all of them, or none",
    "DPY-4001": "no password is given for {shown}; name its file as store.password_file",
}
"""A person must mend it first."""
_SAYINGS: Final = {
    "ORA-12514": "its listener does not know the service (yet)",
    "ORA-01033": "it is starting or stopping",
    "ORA-01034": "it is not started",
    "ORA-16000": "it is a standby now",
    "ORA-16456": "its role is changing",
}
TEXT_MAX: Final = 160
_LIBRARY: Final = re.compile(r'DPI-1047:.*library: "([^"]+)"')
_CODE: Final = re.compile(r"\b(?:ORA|DPY|DPI|TNS)-\d{4,5}\b")


def codes(problem: BaseException) -> Iterator[str]:
    """Yield the codes of an error and of what caused it, e.g. ``DPY-6005``, ``ORA-12514``."""
    at: BaseException | None = problem
    while at is not None:
        yield from _CODE.findall(str(at))
        at = at.__cause__ or at.__context__


def is_lost(problem: BaseException) -> bool:
    """Return whether the connection is of no use after this error."""
    return any(code in LOST for code in codes(problem))


def told(problem: BaseException, shown: str) -> StoreError:
    """Return our error for one of Oracle."""
    found = list(codes(problem))
    text = _text(problem)
    for code in found:
        if code in _MEND:
            return StoreError(_MEND[code].format(shown=shown, text=text))
        if code in _FULL:
            sentence = _FULL[code].format(shown=shown)
            return StoreUnavailable(f"{sentence}; the node goes on by itself ({code})")
        if code == "ORA-00001":
            return StoreDuplicate(f"stored already in {shown}: {text}")
    saying = next((_SAYINGS[code] for code in found if code in _SAYINGS), text)
    if any(code in LOST for code in found):
        return StoreUnavailable(f"{shown} cannot be reached: {saying}; it is tried again")
    if any(code in _PASSES for code in found):
        return StoreUnavailable(f"{shown} could not do it now ({text}); it is tried again")
    return StoreError(f"{shown} failed: {text}")


def _text(problem: BaseException) -> str:
    """Return what the driver said, in a line; of a library that is missing, which one and why."""
    line = " ".join(str(problem).split("\n")[0].split())
    library = _LIBRARY.search(line)
    return (line if library is None else library[1])[:TEXT_MAX]
