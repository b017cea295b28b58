"""Checks the bundle that this file lies in; needs Python 3.9 or newer and nothing else.

    python verify.py                  checks everything; exit status 1 and a sentence if it fails
    python verify.py --anchor HEX     as well: this digest or root, kept elsewhere, is an anchor
    python verify.py --show           checks, then shows the events, decoded from the proven bytes

What it proves, and what it cannot prove, stands in README.txt.
"""

import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

ANCHORS = "audit:anchors"
LINE_KEYS = {"chain", "position", "state", "stream", "topic", "version"}


class Wrong(Exception):
    """The bundle is not what was made; the message says where."""


def canonical(data: Any) -> bytes:
    """Return the one way in which a line is written."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def lines(folder: Path, name: str) -> "Iterator[tuple[int, Any]]":
    """Yield the number and the content of each line of a file."""
    data = (folder / name).read_bytes()
    if data and not data.endswith(b"\n"):
        raise Wrong(f"{name}: the last line is not whole")
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        where = f"{name}, line {number} ({label(line)})"
        try:
            content = json.loads(line.decode("ascii"))
        except ValueError:
            raise Wrong(f"{where}: it was changed, and is no JSON any more") from None
        if canonical(content) != line:
            raise Wrong(f"{where}: it was changed, and is not written as it was made")
        yield number, content


def label(line: bytes) -> str:
    """Return how a line calls its event, as far as that can be read."""
    for mark in (b'"position":', b'"id":'):
        _, found, rest = line.partition(mark)
        digits = rest[: len(rest) - len(rest.lstrip(b"0123456789"))]
        if found and digits:
            return f"event {digits.decode()}"
    return "which event cannot be told"


# -- events and their chains


def origin(stream: str) -> bytes:
    """Return what the chain of a stream begins with."""
    return hashlib.sha256(b"hes-stream/1\x00" + stream.encode()).digest()


def link(before: bytes, event: "dict[str, Any]") -> bytes:
    """Return the value of the chain at an event."""
    topic, state = event["topic"].encode(), bytes.fromhex(event["state"])
    head = struct.pack(">qqII", event["position"], event["version"], len(topic), len(state))
    return hashlib.sha256(before + head + topic + state).digest()


def checked_events(folder: Path, streams: "Any") -> "list[dict[str, Any]]":
    """Return all events, each checked against its chain."""
    found = []
    ends: dict[str, dict[str, Any]] = {}
    for number, event in lines(folder, "events.jsonl"):
        where = f"events.jsonl, line {number}"
        try:
            where += ": event {position} ({stream}, version {version})".format(**event)
            check_event(event, ends.get(event["stream"]), streams)
        except (AttributeError, KeyError, TypeError, ValueError, struct.error):
            raise Wrong(f"{where}: it was changed, and is no event any more") from None
        except Wrong as problem:
            raise Wrong(f"{where}: {problem}") from None
        ends[event["stream"]] = event
        found.append(event)
    return found


def check_event(event: "dict[str, Any]", last: "Any", streams: "Any") -> None:
    """Check one event; ``last`` is the one of its stream in the line before it, or None."""
    if set(event) - {"before"} != LINE_KEYS:
        raise KeyError
    if event["stream"] not in streams:
        raise Wrong("its stream was altered")
    if last is not None and event["position"] <= last["position"]:
        raise Wrong("it is out of order")
    if "before" in event:
        before = bytes.fromhex(event["before"])
    elif last is not None:
        before = bytes.fromhex(last["chain"])
    else:
        raise Wrong("the chain value before it is missing")
    if len(before) != 32 or link(before, event).hex() != event["chain"]:
        raise Wrong("it was altered, or one before it was altered, dropped or moved")


# -- anchors


def checked_anchors(events: "list[dict[str, Any]]") -> "dict[int, dict[str, Any]]":
    """Return the anchors by position; those that follow each other are chained."""
    found: dict[int, dict[str, Any]] = {}
    last: Any = None
    for event in events:
        if event["stream"] != ANCHORS:
            continue
        names = ("received_at", "device_time", "first", "last", "previous", "digest", "root")
        anchor = dict(zip(names, decode(bytes.fromhex(event["state"]))))  # noqa: B905 -- as in Python 3.9
        if last is not None and "before" not in event and anchor["previous"] != last["digest"]:
            msg = "anchor {}: it does not follow the one before".format(event["position"])
            raise Wrong(msg)
        found[event["position"]] = last = anchor
    return found


def check_proofs(
    folder: Path, events: "list[dict[str, Any]]", anchors: "dict[int, dict[str, Any]]"
) -> int:
    """Check each path from an event to the root of its anchor; return how many events have one."""
    chains = {event["position"]: event["chain"] for event in events}
    proven = set()
    for number, proof in lines(folder, "proofs.jsonl"):
        position = proof["position"]
        where = f"proofs.jsonl, line {number}: event {position}"
        anchor = anchors.get(proof["anchor"])
        if anchor is None or position not in chains or position in proven:
            raise Wrong(f"{where}: it belongs to nothing in this bundle")
        known = hashlib.sha256(b"\x00" + bytes.fromhex(chains[position])).digest()
        for step in proof["path"]:
            other = bytes.fromhex(step[1:])
            pair = other + known if step[0] == "L" else known + other
            known = hashlib.sha256(b"\x01" + pair).digest()
        if known != anchor.get("root") or not anchor["first"] <= position <= anchor["last"]:
            raise Wrong(f"{where}: it is not among the events that were anchored")
        proven.add(position)
    return len(proven)


# -- the rest of the bundle


def checked_layouts(folder: Path) -> "dict[int, Any]":
    """Return the channel layouts; each is named by a hash of its content."""
    found = {}
    for number, layout in lines(folder, "layouts.jsonl"):
        state = bytes.fromhex(layout["state"])
        digest = hashlib.blake2b(state, digest_size=7).digest()
        if int.from_bytes(digest, "big") != layout["id"]:
            raise Wrong(f"layouts.jsonl, line {number}: this layout was altered")
        found[layout["id"]] = decode(state)
    return found


def check_counts(manifest: "dict[str, Any]", events: "list[dict[str, Any]]") -> None:
    """Check that as many events are there as were put in."""
    counts: dict[str, int] = {}
    for event in events:
        counts[event["stream"]] = counts.get(event["stream"], 0) + 1
    if counts != manifest["streams"]:
        raise Wrong("events.jsonl: events were added or taken away since the bundle was made")


def check_files(folder: Path, manifest: "dict[str, Any]") -> None:
    """Check that no file was changed since the bundle was made."""
    for name, digest in manifest["files"].items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise Wrong(f"{name}: this file was changed since the bundle was made")


# -- msgpack, as far as events use it


def decode(data: bytes) -> Any:
    """Return what a stored event or layout holds."""
    value, end = value_at(data, 0)
    if end != len(data):
        raise ValueError
    return value


SIZED = {
    0xC4: ("B", "b"), 0xC5: (">H", "b"), 0xC6: (">I", "b"),
    0xD9: ("B", "s"), 0xDA: (">H", "s"), 0xDB: (">I", "s"),
    0xDC: (">H", "a"), 0xDD: (">I", "a"), 0xDE: (">H", "m"), 0xDF: (">I", "m"),
    0xC7: ("B", "e"), 0xC8: (">H", "e"), 0xC9: (">I", "e"),
}  # fmt: skip
NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: "B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: "b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
PLAIN = {0xC0: None, 0xC2: False, 0xC3: True}


def value_at(data: bytes, at: int) -> "tuple[Any, int]":
    """Return the value at an offset, and where the next begins."""
    mark, at = data[at], at + 1
    if mark < 0x80 or mark >= 0xE0:
        return (mark if mark < 0x80 else mark - 256), at
    if mark in PLAIN:
        return PLAIN[mark], at
    if mark in NUMBERS:
        form = NUMBERS[mark]
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if mark < 0xC0:
        kind, size = ("m", mark & 15) if mark < 0x90 else ("a", mark & 15)
        if mark >= 0xA0:
            kind, size = "s", mark & 31
        return sized(data, at, kind, size)
    if 0xD4 <= mark <= 0xD8:
        return sized(data, at, "e", 1 << (mark - 0xD4))
    form, kind = SIZED[mark]
    size = struct.unpack_from(form, data, at)[0]
    return sized(data, at + struct.calcsize(form), kind, size)


def sized(data: bytes, at: int, kind: str, size: int) -> "tuple[Any, int]":
    """Return a value whose size is known."""
    if kind in ("b", "s"):
        part = data[at : at + size]
        return (part if kind == "b" else part.decode()), at + size
    if kind == "e":
        return moment(data[at + 1 : at + 1 + size]), at + 1 + size
    values = []
    for _ in range(size if kind == "a" else 2 * size):
        value, at = value_at(data, at)
        values.append(value)
    return (values if kind == "a" else dict(zip(values[::2], values[1::2]))), at  # noqa: B905 -- as in Python 3.9


def moment(data: bytes) -> str:
    """Return a time of msgpack (extension -1) as people write it."""
    if len(data) == 4:
        seconds, nanos = struct.unpack(">I", data)[0], 0
    elif len(data) == 8:
        packed = struct.unpack(">Q", data)[0]
        seconds, nanos = packed & (1 << 34) - 1, packed >> 34
    else:
        nanos, seconds = struct.unpack(">Iq", data)
    start = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 -- not in Python 3.9
    return (start + timedelta(seconds=seconds, microseconds=nanos // 1000)).isoformat()


def shown(event: "dict[str, Any]", topics: "dict[str, Any]", layouts: "dict[int, Any]") -> str:
    """Return an event for people, out of the bytes that were checked."""
    values = decode(bytes.fromhex(event["state"]))
    names = topics.get(event["topic"], [])
    fields = {
        (names[at] if at < len(names) else f"field {at}"): value for at, value in enumerate(values)
    }
    if fields.get("layout") in layouts:
        fields["layout"] = layouts[fields["layout"]]
    told = {key: event[key] for key in ("position", "stream", "version", "topic")}
    told["fields"] = fields
    return json.dumps(told, default=lambda value: value.hex())


def check(folder: Path, kept: "list[str]") -> "list[str]":
    """Check everything; return what to say about it."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    events = checked_events(folder, manifest["streams"])
    check_counts(manifest, events)
    anchors = checked_anchors(events)
    proven = check_proofs(folder, events, anchors)
    checked_layouts(folder)
    check_files(folder, manifest)
    known = {
        value.hex() for a in anchors.values() for value in (a["digest"], a.get("root")) if value
    }
    for value in kept:
        if value.lower() not in known:
            raise Wrong(f"no anchor of this bundle has the value {value}")
    told = [f"{len(events)} events are as they were stored"]
    for stream in manifest["streams"]:
        first = next(event for event in events if event["stream"] == stream)
        whole = first.get("before") == origin(stream).hex()
        pieces = sum("before" in event for event in events if event["stream"] == stream)
        begins = "from its first event" if whole else "from its middle, see README.txt"
        told.append(f"{stream}: {pieces} pieces, {begins}")
    told.append(f"{proven} of them are under the root of an anchor")
    for position, a in sorted(anchors.items()):
        root = a["root"].hex() if a.get("root") else "none"
        told.append(
            "anchor {} of {}: events {} to {}, digest {}, root {}".format(
                position, a["received_at"], a["first"], a["last"], a["digest"].hex(), root
            )
        )
    if not kept:
        told.append("compare an anchor with one that was kept elsewhere: --anchor HEX")
    return told


def main(arguments: "list[str]") -> int:
    """Check the bundle; return the exit status."""
    folder = Path(__file__).resolve().parent
    kept = [value for name, value in zip(arguments, arguments[1:]) if name == "--anchor"]  # noqa: B905, RUF007 -- not in Python 3.9
    try:
        told = check(folder, kept)
    except Wrong as problem:
        sys.stdout.write(f"FAILED: {problem}\n")
        return 1
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error) as problem:
        sys.stdout.write(f"FAILED: a file of the bundle is damaged: {problem!r}\n")
        return 1
    sys.stdout.write("OK\n" + "".join(f"  {line}\n" for line in told))
    if "--show" in arguments:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        layouts = checked_layouts(folder)
        for event in checked_events(folder, manifest["streams"]):
            sys.stdout.write(shown(event, manifest["topics"], layouts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
