"""Says in plain words what msgspec found wrong with a value."""

import re
from typing import Final

_PLACE: Final = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<path>.*)`)?", re.DOTALL)
_EXPECTED: Final = re.compile(
    r"Expected `(?P<kind>\w+)(?: \| null)?`(?P<bound>[^,]*)(?:, got `(?P<got>\w+)`)?"
)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_WORDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


def explain(message: str) -> tuple[str, str]:
    """Return the path of the wrong value, ``listener[0].bind``, and the rest of a sentence.

    A message that msgspec has from a hook of ours is passed on as it is.
    """
    match = _PLACE.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return f"{path}.{missing['name']}".lstrip("."), "this key is needed here"
    expected = _EXPECTED.fullmatch(what)
    if expected is None:
        return path, what
    got = f", not {_word(expected['got'])}" if expected["got"] else ""
    return path, f"must be {_word(expected['kind'])}{expected['bound']}{got}"


def _word(kind: str) -> str:
    return _WORDS.get(kind, kind)
