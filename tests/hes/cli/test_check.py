import importlib.metadata
import socket
from pathlib import Path
from typing import Any

import pytest

from hes.cli import checks
from hes.cli.failures import CommandError
from hes.config import load_config
from web.auth import new_token

Levels = dict[str, tuple[str, str]]


@pytest.fixture
def file(tmp_path: Path, free_port: int) -> Path:
    path = tmp_path / "hes.toml"
    path.write_text(f"[web]\nbind = '127.0.0.1:{free_port}'\n")
    return path


def add(file: Path, text: str) -> None:
    with file.open("a") as opened:
        opened.write(text + "\n")


def found(hes: Any, code: int) -> Levels:
    said = hes("check", "--json")
    assert said.code == code
    assert said.json["ok"] == (code == 0)
    return {f["subject"]: (f["level"], f["text"]) for f in said.json["findings"]}


def test_a_good_configuration_is_exit_0_and_makes_nothing(
    hes: Any, file: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    levels = found(hes, 0)
    assert levels["packages"][0] == "ok"
    assert levels["store"] == ("ok", f"{tmp_path}/hes-events.db is not there yet and will be made")
    assert levels["web"][1].endswith("is free")
    assert levels["listener"] == (
        "warning", "there is no [[listener]], so no modem can call",
    )  # fmt: skip
    assert "Asia/Ho_Chi_Minh" in levels["timezone"][1]
    assert "+0700" in levels["timezone"][1]
    assert sorted(tmp_path.iterdir()) == before


def test_it_is_a_table_for_people(hes: Any, file: Path) -> None:
    said = hes("check")
    assert said.code == 0
    assert "are ours alone" in said.out


def test_a_wrong_configuration_is_its_sentence(hes: Any, file: Path) -> None:
    add(file, "bnd = 1")
    said = hes("check", "--config", str(file))
    assert (said.code, said.err) == (
        2,
        "hes: hes.toml: web.bnd: unknown key; did you mean web.bind?\n",
    )


def test_a_held_address_is_told(hes: Any, file: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        bind = f"127.0.0.1:{held.getsockname()[1]}"
        add(file, f"[[listener]]\nname = 'a'\nbind = '{bind}'\nlink = 'dlms-push'")
        levels = found(hes, 2)
    assert levels["listener a"][0] == "error"
    assert levels["listener a"][1].startswith(f"{bind} is held")


def test_an_address_of_another_machine_is_told(hes: Any, file: Path) -> None:
    add(file, "[[listener]]\nname = 'a'\nbind = '192.0.2.1:4059'\nlink = 'dlms-push'")
    assert "is no address of this machine" in found(hes, 2)["listener a"][1]


def test_a_link_that_is_not_spoken_yet_is_told(
    hes: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "KINDS", {"raw": None, "dlms-push": None})
    add(file, "[[listener]]\nname = 'a'\nbind = '127.0.0.1:0'\nlink = 'ddp'")
    said = hes("check", "--json")
    texts = [f["text"] for f in said.json["findings"] if f["level"] == "error"]
    assert texts == ["links 'ddp' are not spoken by this version, only raw, dlms-push"]
    with pytest.raises(CommandError, match="links 'ddp' are not spoken") as caught:
        checks.refuse_to_start(load_config(file, {}))
    assert caught.value.exit_code == 2


def test_a_listener_that_raw_modems_cannot_use_is_remarked(hes: Any, file: Path) -> None:
    add(file, "[[listener]]\nname = 'a'\nbind = '127.0.0.1:0'")
    said = hes("check", "--json")
    assert said.code == 0
    texts = [f["text"] for f in said.json["findings"] if f["level"] == "warning"]
    assert texts == ["without a registration text, raw modems cannot say who they are"]


def installed(folder: Path, name: str, **files: str) -> None:
    """Put a distribution into a folder, with these files about it."""
    told = folder / f"{name}-1.0.dist-info"
    told.mkdir()
    told.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for file, text in files.items():
        told.joinpath(file.replace("__", ".")).write_text(text)


def test_another_owner_of_our_packages_is_told(
    hes: Any, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    installed(site, "pykka", RECORD="actors/__init__.py,sha256=x,9\npykka/web/x.py,,\n")
    installed(site, "web.py", top_level__txt="web\n", RECORD="hes/__init__.py,,\n")
    installed(site, "one", RECORD='one.py,,\n"hes.py",,\nwebs/__init__.py,,\nprotocols/x.txt,,\n')
    monkeypatch.syspath_prepend(site)
    owners = importlib.metadata.packages_distributions()
    assert {"actors": "pykka", "web": "web.py"}.items() <= {
        name: max(found) for name, found in owners.items()
    }.items(), "the library finds them too"
    said = hes("check", "--json")
    assert said.code == 2
    texts = [f["text"] for f in said.json["findings"] if f["level"] == "error"]
    assert [text.partition(" is installed")[0] for text in texts] == ["one", "pykka", "web.py"]
    assert [text.partition("package ")[2].split("'")[1] for text in texts] == [
        "hes", "actors", "web",
    ]  # fmt: skip


@pytest.mark.parametrize("section", ["store", "read_model"])
def test_a_database_that_is_none_is_told(
    hes: Any, file: Path, tmp_path: Path, section: str
) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database, only some text that is long enough" * 30)
    add(file, f"[{section}]\nurl = 'sqlite:///x.db'")
    level, text = found(hes, 2)[section]
    assert level == "error"
    assert "is no SQLite database" in text


@pytest.mark.parametrize("section", ["store", "read_model"])
def test_a_missing_folder_is_told(hes: Any, file: Path, section: str) -> None:
    add(file, f"[{section}]\nurl = 'sqlite:////no/such/folder/x.db'")
    assert found(hes, 2)[section] == ("error", "the folder /no/such/folder does not exist; make it")


def test_a_store_says_how_many_events_it_holds(hes: Any, file: Path, tmp_path: Path) -> None:
    from hes.store.open import open_log

    open_log(f"sqlite:///{tmp_path}/hes-events.db").close()
    assert found(hes, 0)["store"][1].endswith("opens and holds 0 events")


def test_a_store_that_forgets_is_remarked(hes: Any, file: Path) -> None:
    add(file, "[store]\nurl = 'sqlite://'")
    assert found(hes, 0)["store"][0] == "warning"


def test_the_token_file_is_looked_at(hes: Any, file: Path, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    add(file, "token_file = 'tokens'")
    assert "cannot be read" in found(hes, 2)["web.token_file"][1]
    tokens.write_text("nonsense\n")
    assert "line 1: not of the shape" in found(hes, 2)["web.token_file"][1]
    tokens.write_text(new_token("ops", bytes(24), bytes(16))[1] + "\n")
    tokens.chmod(0o644)
    assert found(hes, 0)["web.token_file"][0] == "warning"
    tokens.chmod(0o600)
    assert found(hes, 0)["web.token_file"][0] == "ok"


def test_password_files_are_looked_at(hes: Any, file: Path, tmp_path: Path) -> None:
    add(file, "[read_model]\npassword_file = 'pw'")
    assert "cannot be read" in found(hes, 2)["read_model.password_file"][1]
    (tmp_path / "pw").write_text("")
    assert found(hes, 2)["read_model.password_file"][1].endswith("is empty")


# -- tokens


async def test_a_made_token_is_let_in(hes: Any, file: Path, tmp_path: Path) -> None:
    from web.auth import load_tokens

    add(file, "token_file = 'tokens'")
    said = hes("token", "ops")
    path = tmp_path / "tokens"
    assert said.code == 0
    assert said.out.strip() not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert await load_tokens(path).name_of(said.out.strip()) == "ops"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ops"], "no web.token_file is configured; name one with --file"),
        (["a b", "--file", "t"], "'a b' is no name for a token"),
        (["ops", "--file", "have"], "ops has a token in have already"),
    ],
)
def test_a_token_that_cannot_be_made_is_exit_2(
    hes: Any, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "have").write_text("ops 00 00")
    said = hes("token", *arguments)
    assert said.code == 2
    assert told in said.err
    assert said.out == ""


def test_a_second_token_is_added_on_a_line_of_its_own(hes: Any, tmp_path: Path) -> None:
    (tmp_path / "t").write_text("ops 00 00")
    assert hes("token", "audit", "--file", "t").code == 0
    lines = (tmp_path / "t").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["ops", "audit"]


@pytest.mark.parametrize("scheme", ["postgresql", "oracle"])
def test_read_models_that_no_node_could_open_are_an_error(
    hes: Any, file: Path, scheme: str
) -> None:
    add(file, f"[read_model]\nurl = '{scheme}://u:hush@127.0.0.1:1/db'")
    level, text = found(hes, 2)["read_model"]
    assert (level, "hush" in text) == ("error", False)
    assert "cannot be reached" in text
