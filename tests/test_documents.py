"""What the documents point at is there: files, and the functions named behind an arrow."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")
ARROW = re.compile(r"\[[^\]]*\]\(([^)\s]+\.py)\)\s+→\s+`([\w.]+)`")


def named(source: str) -> Iterator[str]:
    """Yield the names of functions, classes, methods and module variables."""
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef():
                yield node.name
                yield from (f"{node.name}.{n.name}" for n in node.body if hasattr(n, "name"))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                pass


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing == []


def test_the_architecture_names_functions_that_are_there() -> None:
    document = ROOT / "docs" / "architecture.md"
    arrows = ARROW.findall(document.read_text())
    assert len(arrows) > 15, "the page has lost its pointers, or their form has changed"
    for file, name in arrows:
        assert name in set(named((document.parent / file).read_text())), (file, name)


def test_the_way_of_a_frame_is_told_in_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    steps = [
        "actors/hub.py", "actors/listener.py", "protocols/links/", "push_reader.py",
        "actors/routing.py", "protocols/dlms/apdu.py", "actors/push_judge.py", "hes/store/",
        "projections/", "web/live.py",
    ]  # fmt: skip
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
