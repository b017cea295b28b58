import resource
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from hes.cli import failures
from hes.cli.failures import CommandError
from hes.config import Config
from hes.store.errors import StoreError, StoreUnavailable

COMMANDS = ("check", "clock", "decode", "demo", "devices", "events", "projections", "read",
            "serve", "simulate", "token", "tree")  # fmt: skip


def program(*arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hes", *arguments],
        capture_output=True, text=True, timeout=30, check=False, **more,
    )  # fmt: skip


def test_help_names_every_command(hes: Any) -> None:
    said = hes("--help")
    assert said.code == 0
    for name in COMMANDS:
        assert f" {name} " in said.out


def test_help_is_there_at_once() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    assert program("--help").returncode == 0
    # Some 0.3 s of the processor, most of them for the library; what is heavy would take a second.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 1.5


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from hes.cli.program import run; run(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules}"
        " & {'trio', 'httpx', 'starlette', 'cryptography', 'structlog', 'protocols', 'actors'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "simulate"])
def test_every_command_has_help(hes: Any, name: str) -> None:
    said = hes(name, "--help")
    assert said.code == 0
    assert f"hes {name}" in said.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fly"], "hes: No such command 'fly'"),
        (["read"], "hes: Missing argument 'METER'"),
        (["events", "--aftr", "1"], "hes: No such option: --aftr"),
        (["events", "--after", "x"], "hes: Invalid value for '--after'"),
        (["demo", "--meters", "0"], "hes: Invalid value for '--meters'"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(hes: Any, arguments: list[str], told: str) -> None:
    said = hes(*arguments)
    assert said.code == 2
    assert said.err.startswith(told)
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_real_process_says_the_same() -> None:
    done = program("events", "--aftr")
    assert done.returncode == 2
    assert done.stderr.startswith("hes: No such option: --aftr")
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_ends_it_without_a_word(node: Any) -> None:
    event = {"position": 1, "stream": "s", "type": "t", "data": {"x": "y" * 1000}}
    node.answer("GET /api/v1/events", {"events": [event] * 5000, "next": None, "head": 1})
    line = (
        f"'{sys.executable}' -m hes events --url {node.url} | head -c 10; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1].endswith("1")


# -- serve and demo: what the node fails with


def fake_app(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    app = types.ModuleType("hes.app")
    vars(app).update(functions)
    monkeypatch.setitem(sys.modules, "hes.app", app)


def failing(problem: BaseException) -> Any:
    async def run_node(_config: Config) -> None:
        raise problem

    return run_node


def test_serve_runs_a_node_with_the_configuration(
    hes: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Config] = []

    async def run_node(config: Config) -> None:
        seen.append(config)

    fake_app(monkeypatch, run_node=run_node)
    file = tmp_path / "hes.toml"
    file.write_text("[node]\nname = 'north'\n")
    assert hes("serve").code == 0
    assert hes("serve", "--config", str(file)).code == 0
    assert [config.node.name for config in seen] == ["north", "north"]


@pytest.mark.parametrize(
    ("problem", "code", "told"),
    [
        (StoreError("the database x is damaged"), 1, "hes: the database x is damaged"),
        (StoreUnavailable("it is away"), 1, "hes: it is away"),
        (OSError(98, "Address already in use"), 1, "hes: Address already in use"),
        (PermissionError(13, "Permission denied", "/x"), 1, "hes: /x: Permission denied"),
        (CommandError("no", 2, details=["a", "b"]), 2, "hes: no\n  a\n  b"),
        (ExceptionGroup("nursery", [StoreError("gone")]), 1, "hes: gone"),
        (
            ExceptionGroup("n", [ExceptionGroup("m", [StoreError("a")]), OSError(98, "b")]),
            1,
            "hes: a\nhes: b",
        ),
        (KeyboardInterrupt(), 130, ""),
        (BaseExceptionGroup("n", [KeyboardInterrupt(), StoreError("a")]), 130, ""),
    ],
)
def test_what_can_happen_is_told_in_a_sentence(
    hes: Any, monkeypatch: pytest.MonkeyPatch, problem: BaseException, code: int, told: str
) -> None:
    fake_app(monkeypatch, run_node=failing(problem))
    said = hes("serve")
    assert (said.code, said.err.strip()) == (code, told)


@pytest.mark.parametrize(
    "problem", [ZeroDivisionError("x"), ExceptionGroup("n", [StoreError("a"), KeyError("b")])]
)
def test_a_mistake_of_ours_keeps_its_traceback(
    hes: Any, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    fake_app(monkeypatch, run_node=failing(problem))
    with pytest.raises(type(problem)):
        hes("serve")


def test_serve_refuses_a_wrong_configuration_before_anything_else(hes: Any, tmp_path: Path) -> None:
    (tmp_path / "hes.toml").write_text("[web]\nbnd = 1\n")
    said = hes("serve")
    assert said.code == 2
    assert said.err == "hes: hes.toml: web.bnd: unknown key; did you mean web.bind?\n"
    said = hes("serve", "--config", "other.toml")
    assert said.code == 2
    assert "other.toml: there is no such file" in said.err


def test_demo_passes_its_options_on(hes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    async def run_demo(**options: Any) -> None:
        seen.append(options)

    fake_app(monkeypatch, run_demo=run_demo)
    assert hes("demo", "--meters", "9", "--port", "0", "--seconds", "5").code == 0
    assert hes("demo").code == 0
    assert seen[0] == {"meters": 9, "port": 0, "seconds": 5.0}
    assert (seen[1]["port"], seen[1]["seconds"]) == (8080, None)


def test_errors_that_were_never_imported_are_not_looked_for() -> None:
    entry = failures.Expected("no.such.module", "Error", 1)
    assert all(issubclass(kind, BaseException) for kind in failures.expected())
    assert entry.module not in sys.modules
