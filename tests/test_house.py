"""The rules of the house: who may import whom, what a file may hold, and that new parts are found.

import-linter holds the coarse directions too; this says them in other words, and needs no tool.
"""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = ("hes", "actors", "protocols", "projections", "web")
LINES_MAX: Final = 500
SKIPPED: Final = {"node_modules", "static", "__pycache__", "dist", "build"}
TEXTS: Final = {
    ".py", ".toml", ".md", ".ts", ".vue", ".css", ".html", ".json", ".lock", ".csv", ".txt", ".sh",
}  # fmt: skip


def files(*folders: str) -> Iterator[Path]:
    """Yield the files that are ours: no build products, nothing that was installed."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not SKIPPED & set(path.relative_to(ROOT).parts):
                yield path


def everything() -> Iterator[Path]:
    yield from files(*PACKAGES, "tests", "docs", "bench", ".ci")
    yield from (path for path in sorted(ROOT.iterdir()) if path.is_file())


@cache
def text_of(path: Path) -> str:
    return path.read_text("utf-8")


class Module(NamedTuple):
    """What is looked at; whole trees would be much to keep."""

    docstring: str | None
    imports: list[str]


@cache
def read(path: Path) -> Module:
    tree = ast.parse(text_of(path))
    return Module(ast.get_docstring(tree), list(_imports(path, tree)))


def imports(path: Path) -> list[str]:
    """Return the full names that a module imports, wherever in it, for types as well."""
    return read(path).imports


def _imports(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def within(name: str, packages: set[str] | tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


WIRING: Final = ("hes.app", "hes.cli", "hes.__main__")
"""The composition root and the commands know everything."""
DEVICES: Final = ("hes.fleet", "hes.decoding", "hes.meter_types")
"""The simulated devices, the translator and the reader of meter types speak the protocols, and
nothing else of ours."""
OUTSIDE_WORLD: Final = (
    "trio", "anyio", "asyncio", "socket", "ssl", "select", "threading", "subprocess", "time",
    "random", "secrets", "uuid", "sqlite3", "oracledb", "os", "structlog", "logging",
)  # fmt: skip


def forbidden(module: str) -> tuple[str, ...]:
    """Return what a module may not import."""
    if within(module, WIRING):
        return ()
    if within(module, DEVICES):
        return ("actors", "projections", "web", "hes.app", "hes.cli")
    root = module.partition(".")[0]
    return {
        "protocols": ("hes", "actors", "projections", "web", *OUTSIDE_WORLD),
        "actors": ("projections", "web", "hes.app", "hes.cli", "hes.fleet"),
        "projections": ("actors", "protocols", "web", "hes.app", "hes.cli", "hes.fleet"),
        "web": ("actors", "protocols", "hes.app", "hes.cli", "hes.fleet"),
        "hes": ("actors", "protocols", "projections", "web", "hes.app", "hes.cli", "hes.fleet"),
    }[root]


PURE: Final = ("hes.rules", "hes.events", "hes.ids", "hes.obis", "hes.quantities", "hes.commands")


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_down_only(package: str) -> None:
    wrong = [
        f"{module_of(path)} imports {name}"
        for path in files(package)
        if path.suffix == ".py"
        for banned in [forbidden(module_of(path))]
        for name in imports(path)
        if within(name, banned)
    ]
    assert not wrong, "\n".join(wrong)


def test_words_and_rules_of_the_domain_know_no_world() -> None:
    wrong = [
        f"{module_of(path)} imports {name}"
        for path in files("hes")
        if path.suffix == ".py" and within(module_of(path), PURE)
        for name in imports(path)
        if within(name, (*OUTSIDE_WORLD, "hes.store", "hes.config", "hes.clock"))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_guard_would_see_a_wrong_import(tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text("def f():\n    from actors.hub import Hub\n    import time\n")
    assert imports(file) == ["actors.hub.Hub", "time"]
    assert within("actors.hub.Hub", forbidden("web.live"))
    assert within("time", forbidden("protocols.dlms.hdlc"))
    assert not within("timeit", forbidden("protocols.dlms.hdlc"))


# -- folders and files


def test_every_folder_of_code_is_a_package_with_a_word_about_it() -> None:
    for package in PACKAGES:
        for folder in {path.parent for path in files(package) if path.suffix == ".py"}:
            start = folder / "__init__.py"
            assert start.is_file(), f"{folder} has no __init__.py"
            assert read(start).docstring, f"{start} says nothing"


def test_tests_are_no_package() -> None:
    assert not [path for path in files("tests") if path.name == "__init__.py"]


def test_tests_lie_where_their_package_does() -> None:
    beside = {
        "support", "tools", "e2e", "browser", "simulation", "contracts", "interop", "bench", "fuzz",
    }  # fmt: skip
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert folders - {"__pycache__", "devices", "vectors"} <= {*PACKAGES, *beside}


def test_no_file_is_too_long_to_read() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in files(*PACKAGES, "tests", "bench")
        if path.suffix in {".py", ".ts", ".vue", ".toml"}
        and (count := text_of(path).count("\n")) > LINES_MAX
    ]
    assert not long, "\n".join(long)


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES)
        if path.suffix == ".py" and not read(path).docstring
    ]
    assert not silent, "\n".join(silent)


def test_structs_keep_their_annotations() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in files(*PACKAGES)
        if path.suffix == ".py" and "msgspec" in (text := text_of(path))
        and re.search(r"^from __future__ import annotations", text, re.MULTILINE)
    ]  # fmt: skip
    assert not wrong, "\n".join(wrong)


# -- nothing of the machine it was made on

# Written in pieces, so that this file may stand in the list that it checks.
HOSTS: Final = ("py" + "pi.org", "python" + "hosted.org", "registry." + "npm", "registry." + "yarn")
PATHS: Final = re.compile("/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "home/[a-z]+")) + ")/")


def test_no_committed_file_names_a_registry_or_a_path_of_this_machine() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in everything()
        if path.suffix in TEXTS or path.parent.name == ".ci" or path.name == "Makefile"
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if any(host in line for host in HOSTS) or PATHS.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_locks_name_no_host() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text("utf-8")
    assert '"resolved"' not in (ROOT / "web/ui/package-lock.json").read_text("utf-8")


# -- a new part is a new file

MARK: Final = r"^{name}\b[^=\n]*="


def with_mark(folder: str, name: str) -> set[str]:
    """Return the modules of a folder that define ``name``."""
    mark = re.compile(MARK.format(name=name), re.MULTILINE)
    found = (ROOT / folder).glob("*.py")
    return {module_of(path) for path in found if mark.search(text_of(path))}


def test_every_projection_is_found() -> None:
    from projections.base import find_projections

    marked = with_mark("projections", "PROJECTION")
    assert {type(p).__module__ for p in find_projections()} == marked
    assert len(marked) >= 8


def test_every_link_is_found() -> None:
    from protocols.links import registry

    marked = {importlib.import_module(name).LINK for name in with_mark("protocols/links", "LINK")}
    assert set(registry.KINDS.values()) == marked
    assert len(marked) >= 2


def test_every_link_has_a_name_in_the_lists_and_a_modem_in_the_fleet() -> None:
    from hes.fleet.links.registry import SIDES
    from hes.link_names import LINKS
    from protocols.links.registry import KINDS

    assert set(LINKS) == set(KINDS) == {kind.link for kind in SIDES.values()}


def test_every_driver_is_found() -> None:
    from actors.drivers.registry import KINDS

    marked = {
        importlib.import_module(name).DRIVER for name in with_mark("actors/drivers", "DRIVER")
    }
    assert set(KINDS.values()) == marked
    assert marked


def test_every_operation_of_the_web_is_found() -> None:
    from web.app import find_endpoints

    found = {endpoint.handler.__module__ for endpoint in find_endpoints()}
    files_there = {module_of(path) for path in (ROOT / "web/api").glob("[!_]*.py")}
    assert found == files_there


def test_every_kind_of_event_is_found() -> None:
    from hes.events.base import EVENT_TYPES

    marked = {
        module_of(path)
        for path in (ROOT / "hes/events").glob("*.py")
        if re.search(r'^@event\("', text_of(path), re.MULTILINE)
    }
    assert {kind.__module__ for kind in EVENT_TYPES.values()} == marked
    topics = [re.fullmatch(r"[A-Z][A-Za-z]+/[1-9]\d*", topic) for topic in EVENT_TYPES]
    assert all(topics)


MARKS = {"projections": "PROJECTION", "protocols/links": "LINK", "actors/drivers": "DRIVER"}
"""What makes a module a part; the others there are shared by parts."""


@pytest.mark.parametrize(
    "folder", ["projections", "protocols/links", "actors/drivers", "web/api", "hes/events"]
)
def test_no_list_of_parts_is_kept_by_hand(folder: str) -> None:
    """The modules that find the parts name none of them."""
    files = [path for path in (ROOT / folder).glob("[!_]*.py") if path.stem != "registry"]
    mark = MARKS.get(folder)
    parts = {path.stem for path in files if mark is None or f"\n{mark}" in path.read_text()}
    parts -= {"base"}
    assert parts
    finders = [ROOT / folder / name for name in ("__init__.py", "registry.py")]
    if folder == "projections":
        finders.append(ROOT / folder / "base.py")
    named = {
        f"{module_of(finder)} names {part}"
        for finder in finders
        if finder.exists()
        for name in imports(finder)
        for part in parts
        if part in name.split(".")
    }
    assert named == set()


def test_every_page_is_a_file_that_is_found() -> None:
    router = (ROOT / "web/ui/src").rglob("*.ts")
    globs = [path for path in router if "import.meta.glob" in text_of(path)]
    assert globs, "no module of the pages finds them by their files"
    for path in (ROOT / "web/ui/src/pages").glob("*.page.ts"):
        named = [
            str(other.relative_to(ROOT))
            for other in files("web/ui/src")
            if other.suffix in {".ts", ".vue"} and f"pages/{path.stem}" in text_of(other)
        ]
        assert not named, f"{path.name} is named by {named}"


def test_limits_are_data_with_a_reference() -> None:
    data = tomllib.loads((ROOT / "hes/rules/limits.toml").read_text("utf-8"))
    assert data
    for name, section in data.items():
        assert section.get("reference", "").strip(), f"{name} has no reference"
