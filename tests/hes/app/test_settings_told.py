"""The configuration as facts: whole, without secrets, and only when it has changed."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hes.app.settings_told import configured, settings_text, starter
from hes.app.stores import open_stores
from hes.clock import TrioClock
from hes.config import load_config
from hes.events.node import SETTINGS_SIZE, NodeConfigured
from hes.store.open import open_codec, open_log

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Still(TrioClock):
    def now(self) -> datetime:
        return NOW


def told(path: Path) -> list[NodeConfigured]:
    log = open_log(f"sqlite:///{path}")
    codec = open_codec(log)
    events = [codec.decode(row.topic, row.state) for row in log.read(0, 100)]
    log.close()
    return [event for event in events if isinstance(event, NodeConfigured)]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hes:geheim@db:5432/hes", "postgresql://hes@db/hes?password=geheim&a=b",
        "postgresql://hes:ge:geheim/@db/hes", "oracle://hes:geheim@db:1521/hes",
    ],
)  # fmt: skip
def test_no_password_is_told(url: str) -> None:
    text = settings_text(load_config(None, {"HES_STORE__URL": url}))
    assert "geheim" not in text
    assert "***" in text
    assert text.isascii()


def test_all_settings_are_told() -> None:
    settings = json.loads(settings_text(load_config(None, {"HES_NODE__NAME": "north"})))
    assert settings["node"] == {"name": "north", "timezone": "Asia/Ho_Chi_Minh"}
    assert settings["collection"]["every_s"] == 1800
    assert settings["rules"]["over_voltage"]["on_ratio"] == 1.05


def test_long_texts_are_split_and_come_together_again() -> None:
    text = "x" * (2 * SETTINGS_SIZE + 1)
    facts = configured(text, NOW, "os:hes")
    assert "".join(fact.settings for fact in facts) == text
    assert [(fact.part, fact.parts) for fact in facts] == [(1, 3), (2, 3), (3, 3)]
    assert {fact.digest for fact in facts} == {hashlib.sha256(text.encode()).digest()}


def test_they_are_told_at_a_start_when_they_are_others_than_before(tmp_path: Path) -> None:
    environ = {
        "HES_STORE__URL": f"sqlite:///{tmp_path}/e.db",
        "HES_READ_MODEL__URL": f"sqlite:///{tmp_path}/r.db",
    }
    for changes in ({}, {}, {"HES_COLLECTION__EVERY": "15m"}, {}):
        config = load_config(None, environ | changes)
        with open_stores(config, Still(NOW)):
            pass
    found = told(tmp_path / "e.db")
    every = [json.loads(event.settings)["collection"]["every_s"] for event in found]
    assert every == [1800, 900, 1800]
    assert {event.actor for event in found} == {starter()}
