"""What keeps a node from starting is told in one sentence, with exit status 2."""

import signal
import socket
import subprocess

import pytest
from node_process import HES, NodeProcess


def refused(node: NodeProcess) -> str:
    """Start the node, which must not come up; return what it says."""
    done = node.run("serve", "--config", str(node.config))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("hes: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def change(node: NodeProcess, old: str, new: str) -> None:
    text = node.config.read_text()
    assert old in text
    node.config.write_text(text.replace(old, new))


def test_a_web_port_in_use(stopped_node: NodeProcess) -> None:
    with socket.create_server(("127.0.0.1", stopped_node.web)):
        assert f"127.0.0.1:{stopped_node.web}" in refused(stopped_node)


def test_a_listener_port_in_use(stopped_node: NodeProcess) -> None:
    with socket.create_server(("127.0.0.1", stopped_node.modems)):
        said = refused(stopped_node)
    assert "listener pipe" in said
    assert str(stopped_node.modems) in said


def test_an_event_log_that_is_no_database(stopped_node: NodeProcess) -> None:
    (stopped_node.folder / "events.db").write_bytes(b"this is a letter, no database " * 100)
    assert "events.db" in refused(stopped_node)


def test_read_models_that_are_no_database(stopped_node: NodeProcess) -> None:
    (stopped_node.folder / "read.db").write_bytes(b"this is a letter, no database " * 100)
    assert "read.db" in refused(stopped_node)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("registration =", "registratoin =", "registratoin"),
        ('url = "sqlite:///events.db"', 'url = "mysql://x"', "mysql"),
        ("enabled = false", 'every = "soon"', "soon"),
        ('"127.0.0.1:', '"0.0.0.0:', "token_file"),
    ],
)
def test_a_wrong_configuration(stopped_node: NodeProcess, old: str, new: str, word: str) -> None:
    change(stopped_node, old, new)
    assert word in refused(stopped_node)


def test_a_wrong_device_list_is_told_by_row_and_column(node: NodeProcess) -> None:
    (node.folder / "d.csv").write_text("meter_id,modem_id,auth\n1,9,none\n2,9,magic\n")
    done = node.run("devices", "import", "d.csv", "--url", node.url)
    assert done.returncode == 2
    assert "row 3, column auth" in done.stderr
    assert node.get("/api/v1/meters")["total"] == 0


def test_a_node_stops_at_once_and_says_so_in_the_log(node: NodeProcess) -> None:
    assert node.stop() == 0
    node.start()
    assert [event["type"] for event in node.events("node:main")] == [
        "NodeStarted/1",
        "NodeConfigured/1",
        "NodeStopped/1",
        "NodeStarted/1",
    ]


def test_the_demo_runs_and_ends_by_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    demo = subprocess.run(
        [*HES, "demo", "--meters", "5", "--port", "0", "--seconds", "2"],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert demo.returncode == 0, demo.stderr
    assert "http://127.0.0.1:" in demo.stdout


def test_ctrl_c_ends_the_demo_without_a_traceback() -> None:
    demo = subprocess.Popen(
        [*HES, "demo", "--meters", "5", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert demo.stdout is not None
    assert "HES demo" in demo.stdout.readline()
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=20)
    assert demo.returncode == 0
    assert "Traceback" not in errors
