"""What the corpus of a target begins with: its own frames, and recorded ones where they are."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from fuzzing import Target
from guide import INPUT_SIZE_MAX, kept_as


def recorded(family: str) -> Iterator[bytes]:
    """Yield the recorded frames that a family of targets may know: none without their folder."""
    if not os.environ.get("HES_TEST_VECTORS"):
        return
    from vectors_folder import load

    files = {"dlms": ("dlms.json",), "links": ("meters.json", "hml1.json")}
    for name in files.get(family, ("meters.json",)):
        for entry in load(name):
            protocol = entry.get("protocol", "").replace("-", "_")
            if family in {"dlms", "links"} or protocol.startswith(family):
                yield from frames_of(entry)


def frames_of(entry: dict[str, Any]) -> Iterator[bytes]:
    yield bytes.fromhex(entry.get("raw_hex") or entry["hex"])
    for _, frame in entry.get("frames_in_order", ()):
        yield bytes.fromhex(frame)


def corpus_of(target: Target, folder: Path) -> Path:
    """Return the folder of a target's corpus, with what it begins with in it."""
    corpus = folder / kept_as(target.name)
    corpus.mkdir(parents=True, exist_ok=True)
    for frame in (*target.frames, *recorded(target.family)):
        if len(frame) <= INPUT_SIZE_MAX:
            (corpus / sha256(frame).hexdigest()[:16]).write_bytes(frame)
    return corpus
