"""Writes a bundle of evidence: a ZIP with the script that verifies it, without this program."""

import hashlib
import json
import zipfile
from collections.abc import Iterable
from datetime import datetime
from importlib import resources
from typing import Any, BinaryIO, Final

from hes.audit.evidence import Evidence, Piece
from hes.events.base import EVENT_TYPES

FORMAT: Final = "hes-evidence/1"
SCRIPT: Final = "verify.py"
TEXT: Final = "README.txt"


def write_bundle(
    out: BinaryIO, evidence: Evidence, *, meter: str, begin: datetime, end: datetime,
    made_at: datetime,
) -> None:  # fmt: skip
    """Write the ZIP.

    Raises:
        OSError: it cannot be written.

    """
    files = {
        "events.jsonl": _lines(map(_event, evidence.pieces)),
        "layouts.jsonl": _lines(
            {"id": layout.id, "state": layout.state.hex()} for layout in evidence.layouts
        ),
        "proofs.jsonl": _lines(
            {
                "position": proof.position, "anchor": proof.anchor,
                "path": [step.side + step.hash.hex() for step in proof.path],
            }
            for proof in evidence.proofs
        ),
    }  # fmt: skip
    manifest = {
        "format": FORMAT, "meter_id": meter, "from": begin.isoformat(), "to": end.isoformat(),
        "made_at": made_at.isoformat(), "streams": _counts(evidence.pieces),
        "withheld": evidence.withheld, "topics": _topics(evidence.pieces),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }  # fmt: skip
    files["manifest.json"] = json.dumps(manifest, indent=1).encode()
    inside = resources.files("hes.audit.bundle")
    for name in (SCRIPT, TEXT):
        files[name] = inside.joinpath(name).read_bytes()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """Return one line of JSON for each, written in the only way that the script takes."""
    return b"".join(
        json.dumps(row, sort_keys=True, separators=(",", ":")).encode() + b"\n" for row in rows
    )


def _event(piece: Piece) -> dict[str, Any]:
    row = piece.row
    told: dict[str, Any] = {
        "position": row.position, "stream": row.stream, "version": row.version,
        "topic": row.topic, "state": row.state.hex(), "chain": piece.chain.hex(),
    }  # fmt: skip
    if piece.before is not None:
        told["before"] = piece.before.hex()
    return told


def _counts(pieces: Iterable[Piece]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for piece in pieces:
        counts[piece.row.stream] = counts.get(piece.row.stream, 0) + 1
    return counts


def _topics(pieces: Iterable[Piece]) -> dict[str, list[str]]:
    """Return the names of the fields of the kinds of events that are here."""
    topics = sorted({piece.row.topic for piece in pieces})
    return {
        topic: list(EVENT_TYPES[topic].__struct_fields__)
        for topic in topics
        if topic in EVENT_TYPES
    }
